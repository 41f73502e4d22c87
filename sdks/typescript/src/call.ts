/** What plain operations return: promises of their answers that can do a little more. */

/** An answer, and the response that it was read from. */
export interface WithResponse<T> {
  data: T;
  /** Status and headers; its body has been read. */
  response: Response;
}

/** A promise of an answer. `withResponse()` gives the response's status and headers as well. */
export class Call<T> extends Promise<T> {
  readonly #answer: Promise<WithResponse<T>>;

  constructor(answer: Promise<WithResponse<T>>) {
    super((resolve) => resolve(undefined as T)); // the answer is `then`'s affair
    this.#answer = answer;
  }

  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  /** The answer together with its response. */
  withResponse(): Promise<WithResponse<T>> {
    return this.#answer;
  }

  override then<A = T, B = never>(
    onFulfilled?: ((data: T) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#answer.then(({ data }) => data).then(onFulfilled, onRejected);
  }
}

/** A page of a list. */
export interface Page<Item> {
  data: Item[];
  next_cursor?: string | null;
}

/** A promise of the first page; with `for await`, all items of this and the following pages. */
export class PagedCall<P extends Page<unknown>> extends Call<P> {
  readonly #pageAt: (cursor: string) => Call<P>;

  constructor(first: Promise<WithResponse<P>>, pageAt: (cursor: string) => Call<P>) {
    super(first);
    this.#pageAt = pageAt;
  }

  /** Page by page. */
  async *pages(): AsyncGenerator<P, void, void> {
    let { data: page } = await this.withResponse();
    yield page;
    while (page.next_cursor) {
      ({ data: page } = await this.#pageAt(page.next_cursor).withResponse());
      yield page;
    }
  }

  /** Item by item; a page is fetched when its first item is wanted. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Awaited<P['data'][number]>, void, void> {
    for await (const { data } of this.pages()) yield* data as Awaited<P['data'][number]>[];
  }
}
