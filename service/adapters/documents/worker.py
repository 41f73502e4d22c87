"""`python -m service.adapters.documents.worker MAX_BYTES MAX_SECONDS`: chunks for files, one after the other,
until its standard input ends. It may take no more than MAX_BYTES of memory, and what it reads cannot make it
open a file or a connection that this program does not open by itself. A file that takes MAX_SECONDS is its
end, also where nobody is left to kill it.
"""

import logging
import os
import resource
import signal
import sys
from functools import cache
from typing import TYPE_CHECKING

import msgspec

from service.adapters.documents.formats import to_text
from service.adapters.documents.frames import LENGTH_BYTES, ReadAnswer, ReadRequest, length_of
from service.retrieval.ports import Unreadable

if TYPE_CHECKING:
    from llama_index.core.node_parser import SentenceSplitter

_FLAT_OUT = 10  # niceness: the service's own loop goes first
# All but standard input, output and error; what is inherited has low numbers.
_OTHER_FILES = (3, 65_536)


def main() -> None:
    """Serve until there is nothing more to read."""
    max_bytes, max_seconds = map(int, sys.argv[1:])
    # uvloop passes on what is inheritable, as uvicorn's socket is: the port would outlive the service.
    os.closerange(*_OTHER_FILES)
    # Ctrl-C and service managers mean the service, which may need this to the end of its shutdown.
    for ignored in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (max_bytes, max_bytes))
    os.nice(_FLAT_OUT)
    logging.disable()  # pypdf tells of everything odd
    requests = sys.stdin.buffer
    decoder = msgspec.msgpack.Decoder(ReadRequest)
    _send(ReadAnswer())  # it has started
    while length := requests.read(LENGTH_BYTES):
        request = decoder.decode(requests.read(int.from_bytes(length)))
        signal.alarm(max_seconds)
        answer = _answer(request)
        signal.alarm(0)
        _send(answer)


def _send(answer: ReadAnswer) -> None:
    payload = msgspec.msgpack.encode(answer)
    sys.stdout.buffer.write(length_of(payload) + payload)
    sys.stdout.buffer.flush()


def _answer(request: ReadRequest) -> ReadAnswer:
    try:
        text = to_text(request.content, request.format)
        splitter = _splitter(request.chunk_size, request.chunk_overlap)
        return ReadAnswer(chunks=splitter.split_text(text))
    except Unreadable as reason:
        return ReadAnswer(unreadable=str(reason))
    except ImportError as missing:
        return ReadAnswer(missing=missing.name or str(missing))
    except MemoryError:
        raise  # the end of this process, which is what gives the memory back
    except Exception:  # noqa: BLE001 - a broken file can lead its parser to anything
        return ReadAnswer(unreadable="It cannot be read: it is damaged")


@cache
def _splitter(chunk_size: int, chunk_overlap: int) -> "SentenceSplitter":
    from llama_index.core.node_parser import SentenceSplitter
    from nltk import redos

    # It finds sentences, and takes a long text for an attack after 5 s. The worker has a bound of its own.
    redos.DEFAULT_TIMEOUT = None
    return SentenceSplitter(chunk_size=chunk_size, chunk_overlap=chunk_overlap)


if __name__ == "__main__":
    main()
