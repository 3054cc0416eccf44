#!/usr/bin/env python3
"""Runs the workloads in `telenovela bench` and in its peers by turns, and prints the table of ratios in Markdown.

    python3 -m venv peers && peers/bin/pip install -r crates/telenovela-lm/benches/peers/requirements.txt
    peers/bin/python crates/telenovela-lm/benches/peers/compare.py

Every round runs each contestant once, one after another, so that a machine whose speed drifts is as kind to all. A figure is the median over the
rounds of the medians within them; a ratio is that of two such figures. Nothing else should run meanwhile: a turn in which other processes took more than
a twentieth of the processor is taken again (where /proc tells), after a while. Peers that are not installed are left out.
"""

import argparse
import json
import os
import pathlib
import resource
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[3]
TRAIN = ["T1", "T2", "T3"]
SPEAK = ["G1-256", "G1-512", "G16-256", "G16-512"]
# peer: (how it runs, workloads, the contestant of ours it is held against). What of ours is meant by "bf16" is the training, by "" the workload itself.
PEERS = {
    "PyTorch": (["python", "torch_peer.py"], TRAIN, ""),
    "PyTorch bf16": (["python", "torch_peer.py", "--variant", "bf16"], TRAIN, "bf16"),
    "Keras": (["python", "keras_peer.py"], TRAIN, ""),
    "candle-nn": (["rust", "candle"], TRAIN, ""),
    "burn": (["rust", "burn"], TRAIN, ""),
    "PyTorch, speaking": (["python", "torch_peer.py"], SPEAK, ""),
    "PyTorch without oneDNN": (["python", "torch_peer.py", "--variant", "no-onednn"], SPEAK, ""),
    "PyTorch by hand": (["python", "torch_peer.py", "--variant", "cell"], SPEAK[:2], ""),
    "PyTorch compiled": (["python", "torch_peer.py", "--variant", "compiled"], SPEAK[:2], ""),
    "PyTorch int8": (["python", "torch_peer.py", "--variant", "int8"], SPEAK, ""),
    "Keras, speaking": (["python", "keras_peer.py"], SPEAK, ""),
    "candle-nn, speaking": (["rust", "candle"], SPEAK, ""),
    "burn, speaking": (["rust", "burn"], SPEAK, ""),
}
# How many times faster ours has to be, by (peer, workload).
MUST = {
    ("PyTorch", "T1"): 1.6, ("PyTorch", "T2"): 1.4, ("PyTorch", "T3"): 1.2,
    ("PyTorch bf16", "T1"): 1.0, ("PyTorch bf16", "T2"): 1.0,
    ("candle-nn", "T1"): 8, ("candle-nn", "T2"): 8, ("candle-nn", "T3"): 8,
}  # fmt: skip
# Share of the processor that others may take in a turn.
DISTURBED = 0.05
MUST_OVER_FASTEST = {"G1-256": 4, "G1-512": 2.5}


def parsed():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="about how long each contestant runs in a round")
    parser.add_argument("--tries", type=int, default=10, help="most tries for a turn that others do not disturb")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--text", help="training text; by default the scripts of the shipped shows")
    parser.add_argument("--only", nargs="+", metavar="WORKLOAD", help="only these; `start` is the first character of `say`")
    parser.add_argument("--peers", nargs="+", metavar="PEER", help="only peers whose name begins so")
    parser.add_argument("--under", default="", metavar="COMMAND", help="runs every contestant under this, as in 'taskset -c 0,1'")
    parser.add_argument("--programs", metavar="FOLDER", help="where telenovela, candle, burn and material lie already; by default they are built")
    parser.add_argument("--show", metavar="SHOW", help="instead, train all models of a show by its own recipe, in ours and in PyTorch")
    parser.add_argument("--json", metavar="FILE", help="also write every figure here")
    return parser.parse_args()


def built(manifest):
    """The folder of release programs of a cargo project, after building them."""
    subprocess.run(["cargo", "build", "--release", "--manifest-path", manifest], check=True)
    metadata = subprocess.run(
        ["cargo", "metadata", "--no-deps", "--format-version", "1", "--manifest-path", manifest],
        check=True, capture_output=True,
    )  # fmt: skip
    return pathlib.Path(json.loads(metadata.stdout)["target_directory"]) / "release"


def busy_seconds():
    """Seconds of all processors that have not been idle since the machine began; None where the system does not say."""
    try:
        with open("/proc/stat", encoding="ascii") as file:
            user, nice, system, _, _, irq, softirq, steal = map(int, file.readline().split()[1:9])
    except OSError:
        return None
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def own_seconds():
    """Seconds of processor time that finished children and this process have taken."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF))


class Ring:
    """Where the contestants meet: how each is started, and what they have done."""

    def __init__(self, args, text):
        self.args, self.text = args, text
        given = args.programs and pathlib.Path(args.programs).resolve()
        self.ours = (given or built(ROOT / "Cargo.toml")) / "telenovela"
        self.rust = given or built(HERE / "rust" / "Cargo.toml")
        self.under = shlex.split(args.under)
        self.figures = {}  # (contestant, workload): documents of the rounds

    def run(self, command, env=None):
        """What a command prints, or None when it fails."""
        done = subprocess.run([*self.under, *map(str, command)], env=env, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            print(f"  failed: {shlex.join(map(str, command))}\n{done.stderr[-400:]}", file=sys.stderr)
            return None
        return done.stdout

    def run_undisturbed(self, command, env):
        """As `run`, again and again until others have left the machine alone meanwhile; after many tries whatever came of the last."""
        for _ in range(self.args.tries):
            begun, busy, own = time.perf_counter(), busy_seconds(), own_seconds()
            output = self.run(command, env)
            if output is None or busy is None:
                break
            others = (busy_seconds() - busy) - (own_seconds() - own)
            if others <= DISTURBED * (time.perf_counter() - begun) * os.cpu_count():
                break
            print("(disturbed)", end=" ", flush=True, file=sys.stderr)
            time.sleep(5)
        return output

    def measure(self, name, workload, command, env=None):
        """One turn of a contestant."""
        if self.figures.get((name, workload), ()) is None:
            return
        print(f"  {workload:8} {name}", end=" ", flush=True, file=sys.stderr)
        output = self.run_undisturbed([*command, "--seconds", self.args.seconds, "--text", self.text], env)
        if output is None:
            self.figures[name, workload] = None
            return
        document = json.loads(output.strip().splitlines()[-1])
        self.figures.setdefault((name, workload), []).append(document)
        print(f"{document['chars_per_second']['median']:,.0f}", file=sys.stderr)

    def turn_of_ours(self, workload, kind):
        name = f"{workload}-{kind}" if kind else workload
        self.measure(f"ours {kind}".strip(), workload, [self.ours, "bench", "--threads", self.args.threads, "--only", name])

    def turn_of_peer(self, peer, workload):
        (where, program, *more), _, _ = PEERS[peer]
        if where == "rust":
            env = {**os.environ, "RAYON_NUM_THREADS": str(self.args.threads)}
            self.measure(peer, workload, [self.rust / program, workload], env)
        else:
            threads = ["--threads", self.args.threads]
            self.measure(peer, workload, [sys.executable, HERE / program, workload, *more, *threads])

    def median(self, name, workload, part=lambda document: document["chars_per_second"]["median"]):
        documents = self.figures.get((name, workload))
        return statistics.median(map(part, documents)) if documents else None


def rounds(ring, args):
    """Everybody's turns; workloads in the outer loop, so that what is compared runs close together."""
    wanted = lambda peer: not args.peers or any(peer.lower().startswith(start.lower()) for start in args.peers)
    for workload in [*TRAIN, *SPEAK]:
        if args.only and workload not in args.only:
            continue
        peers = [peer for peer, (_, workloads, _) in PEERS.items() if workload in workloads and wanted(peer)]
        kinds = sorted({PEERS[peer][2] for peer in peers})
        for _ in range(args.rounds):
            for kind in kinds:
                ring.turn_of_ours(workload, kind)
            for peer in peers:
                ring.turn_of_peer(peer, workload)


def start(ring, n=10):
    """Seconds from the start of the process to the first character, medians: ours, PyTorch."""
    show = next(ROOT.glob("characters/*/models"))
    model = next(path for path in sorted(show.glob("*.safetensors")) if path.stem != "ensemble")
    say = [ring.ours, "-C", ROOT, "say", model.stem, "--takes", "1", "--chars", "1", "--seed", "1"]
    first = [sys.executable, HERE / "torch_first.py", model]
    times = {"ours": [], "PyTorch": []}
    for _ in range(n):
        for name, command in [("ours", say), ("PyTorch", first)]:
            begun = time.perf_counter()
            done = subprocess.run([*map(str, command)], capture_output=True, check=False)
            if done.returncode == 0:
                times[name].append(time.perf_counter() - begun)
            else:
                print(done.stderr.decode()[-400:], file=sys.stderr)
    return {name: statistics.median(seen) for name, seen in times.items() if seen}


def whole_show(ring, args, folder):
    """Seconds to train all models of a show, in ours and, one after another, in PyTorch on one thread and on all; as Markdown."""
    workspace = pathlib.Path(folder) / "workspace"
    skip = shutil.ignore_patterns("models")
    shutil.copytree(ROOT / "characters" / args.show, workspace / "characters" / args.show, ignore=skip)
    (workspace / "scenes").mkdir()
    material = pathlib.Path(folder) / "material.json"
    with open(material, "w", encoding="utf-8") as file:
        subprocess.run([ring.rust / "material", workspace, args.show], check=True, stdout=file)
    script = [sys.executable, HERE / "torch_show.py", material, "--threads"]
    contestants = {
        "ours": [ring.ours, "-C", workspace, "train", args.show, "--force"],
        "PyTorch, one thread": [*script, 1],
        f"PyTorch, {args.threads} threads": [*script, args.threads],
    }
    lines = ["| all models of the show | seconds | times ours |", "|---|--:|--:|"]
    ours = None
    for name, command in contestants.items():
        begun = time.perf_counter()
        output = ring.run(command)
        seconds = time.perf_counter() - begun
        ours = ours or seconds
        lines.append(f"| {name} | {seconds:,.0f} | {seconds / ours:.2f} |")
        print(f"  {name}: {seconds:,.0f} s\n{output}", file=sys.stderr)
    return "\n".join(lines)


def tables(ring, started):
    """Every figure beside ours, as Markdown."""
    lines = ["| workload | peer | its chars/s | ours | ratio | must |", "|---|---|--:|--:|--:|--:|"]
    fastest = {}
    for workload in [*TRAIN, *SPEAK]:
        for peer, (_, workloads, kind) in PEERS.items():
            theirs, ours = ring.median(peer, workload), ring.median(f"ours {kind}".strip(), workload)
            if theirs is None or ours is None:
                continue
            if workload in SPEAK and theirs > fastest.get(workload, ("", 0))[1]:
                fastest[workload] = (peer, theirs)
            must = MUST.get((peer, workload))
            ours_name = f"{ours:,.0f}" + (f" ({kind})" if kind else "")
            lines.append(f"| {workload} | {peer.removesuffix(', speaking')} | {theirs:,.0f} | {ours_name} | {ours / theirs:.2f} | {must or ''} |")
    lines.append("")
    for workload, (peer, theirs) in fastest.items():
        ratio = ring.median("ours", workload) / theirs
        must = MUST_OVER_FASTEST.get(workload)
        lines.append(f"* {workload}: {ratio:.2f} times the fastest peer ({peer.removesuffix(', speaking')})" + (f"; must be {must}" if must else ""))
    memory = lambda document: document["peak_memory"] or 0
    ours, theirs = ring.median("ours", "T1", memory), ring.median("PyTorch", "T1", memory)
    if ours and theirs:
        lines.append(f"* peak memory in T1: {ours / 2**20:.0f} MiB, PyTorch {theirs / 2**20:.0f} MiB: {theirs / ours:.1f} times less; must be 4")
    if len(started) == 2:
        lines.append(f"* `say`, start to first character: {started['ours'] * 1000:.0f} ms, PyTorch {started['PyTorch'] * 1000:,.0f} ms")
    return "\n".join(lines)


def main():
    args = parsed()
    with tempfile.TemporaryDirectory() as folder:
        text = args.text
        if text is None:
            scripts = sorted(ROOT.glob("characters/*/scripts/*.fountain"))
            text = pathlib.Path(folder) / "text.txt"
            text.write_text("".join(script.read_text(encoding="utf-8") for script in scripts), encoding="utf-8")
        ring = Ring(args, text)
        if args.show:
            print(whole_show(ring, args, folder))
            return
        rounds(ring, args)
        started = start(ring) if not args.only or "start" in args.only else {}
    print(tables(ring, started))
    if args.json:
        figures = {f"{workload} {name}": documents for (name, workload), documents in ring.figures.items()}
        pathlib.Path(args.json).write_text(json.dumps({"figures": figures, "start": started}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
