"""What every Python peer shares: the workloads, the text as numbers, the clock and the answer.

The workloads are those of `telenovela bench` (crates/telenovela-lm/src/bench.rs): vocabulary 65, embedding 128, LSTM layers, a linear head; training is
truncated back-propagation with carried state, Adam at 2e-3, global gradient norm clipped to 1; speaking draws at temperature 0.8.
"""

import argparse
import json
import statistics
import sys
import time

N_VOCAB, N_EMBD = 65, 128
LEARNING_RATE, CLIP, TEMPERATURE = 2e-3, 1.0, 0.8
# name: (layers, hidden, batch, time)
TRAIN = {"T1": (2, 256, 32, 128), "T2": (2, 512, 32, 128), "T3": (3, 512, 64, 100)}
# name: (hidden, lanes, models); two layers each
SPEAK = {
    "G1-256": (256, 1, 1),
    "G1-512": (512, 1, 1),
    "G16-256": (256, 16, 1),
    "G16-512": (512, 16, 1),
}
N_WINDOWS = 5
CHARS = 2000


def tokens_of(path):
    """The text as numbers: characters in the order of their code points; what is beyond the vocabulary shares its last number."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    numbers = {c: min(place, N_VOCAB - 1) for place, c in enumerate(sorted(set(text)))}
    return [numbers[c] for c in text]


def lanes(tokens, batch):
    """Each lane's own stretch of the text, all of one length."""
    stretch = len(tokens) // batch
    return [tokens[lane * stretch : (lane + 1) * stretch] for lane in range(batch)]


def windows(stretch, length):
    """Endless (fresh, at): where in its stretch every lane reads next, and whether state begins anew there."""
    assert stretch > length, "the text is too short for a window of every lane"
    at = 0
    while True:
        yield at == 0, at
        at = at + length if at + 2 * length < stretch else 0


def rates(seconds, work):
    """Units per second of `work()`, which returns how many it did: median, slowest and fastest of the windows, after one run that is not counted."""
    work()
    found = []
    for _ in range(N_WINDOWS):
        begun, units = time.perf_counter(), 0
        while True:
            units += work()
            elapsed = time.perf_counter() - begun
            if elapsed * N_WINDOWS >= seconds:
                break
        found.append(units / elapsed)
    return {"median": statistics.median(found), "slowest": min(found), "fastest": max(found)}


def peak_memory():
    """The most bytes this process has held; None where the system does not say."""
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


def arguments(variants):
    """The command line of a peer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("workload", choices=[*TRAIN, *SPEAK])
    parser.add_argument("--variant", choices=variants, default=variants[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--text", help="training text; needed by the workloads of training")
    return parser.parse_args()


def answer(workload, measured, **more):
    """Prints what was measured as one JSON document."""
    document = {
        "workload": workload,
        "chars_per_second": measured,
        "peak_memory": peak_memory(),
        **more,
    }
    json.dump(document, sys.stdout)
    print()
