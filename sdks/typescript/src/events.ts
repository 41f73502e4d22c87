/** Server-Sent Events, as the WHATWG's HTML standard has them; only `data` is of interest here. */

import type { Deadline } from './deadline.js';

/** CRLF, LF or CR, and nothing else: JSON may hold U+2028 as it is. A CR at the end may be half a CRLF. */
const LINE_END = /\r\n|\n|\r(?!$)/;

/**
 * The `data` of each event, however the bytes were cut. An event that the end cuts off is dropped, as the
 * standard says. Only the wait for bytes is under the `deadline`, and comments (heartbeats) are bytes.
 */
export async function* dataOfEvents(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  deadline: Deadline,
): AsyncGenerator<string, void, void> {
  const decoder = new TextDecoder();
  let rest = '';
  let data: string[] = [];
  for (;;) {
    deadline.extend();
    const { done, value } = await reader.read();
    deadline.stop();
    if (done) return;
    const lines = (rest + decoder.decode(value, { stream: true })).split(LINE_END);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith('data:')) {
        data.push(line.slice(line[5] === ' ' ? 6 : 5));
      } else if (line === '' && data.length > 0) {
        yield data.join('\n');
        data = [];
      }
    }
  }
}
