"""The real recipe of a show in PyTorch: the ensemble, then every character from it, one after another.

    material . salt-and-thunder > material.json        (a program of the Rust peers, see rust/src/bin/material.rs)
    python3 torch_show.py material.json

Faithful to crates/telenovela-lm/src/train: whole script scenes dealt to lanes, windows of a length drawn for each pass, state carried, speakers hidden at
random, locked dropout, weight drop, speaker vector into every layer, tied output, AdamW with warm-up and cosine, clipping, averaged weights, and after each
epoch the averaged weights judged on the dev split and the best kept. Prints the dev bits per character of every model, to see that it is the same recipe.
"""

import argparse
import json
import math
import random
import sys
import time

import numpy as np
import torch
from torch.nn.functional import cross_entropy

TAG, LITTLE_TEXT_PASSES, LANES_OF_DEV = -1, 8, 16


class Net:
    """The network, its parameters by the names of the file."""

    def __init__(self, material, seed):
        size = material["size"]
        self.n_layer, self.n_hidden = size["n_layer"], size["n_hidden"]
        generator = torch.Generator().manual_seed(seed)
        bound = 1 / math.sqrt(self.n_hidden)
        uniform = lambda *shape: (torch.rand(shape, generator=generator) * 2 - 1) * bound
        gates = 4 * self.n_hidden
        self.parameters = {
            "embedding": 0.1 * torch.randn(material["n_vocab"], size["n_embd"], generator=generator),
            "speaker": 0.5 * torch.randn(material["n_slots"], size["n_speaker"], generator=generator),
            "projection": uniform(size["n_embd"], self.n_hidden + size["n_speaker"]),
            "head": torch.zeros(material["n_vocab"]),
        }
        for layer in range(self.n_layer):
            below = self.n_hidden if layer else size["n_embd"]
            bias = uniform(gates)
            bias[self.n_hidden : 2 * self.n_hidden] = 1
            self.parameters |= {
                f"{layer}.ih": uniform(gates, below + size["n_speaker"]),
                f"{layer}.hh": uniform(gates, self.n_hidden),
                f"{layer}.bias": bias,
            }
        self.zero_bias = torch.zeros(gates)

    def logits(self, parameters, tokens, slots, state, masks=None):
        """(time, batch, n_vocab), and the state after the window; `masks` are those of dropout."""
        p, after = parameters, []
        drop = lambda x, name: x if masks is None else x * masks[name]
        speaker = p["speaker"][slots]
        x = drop(p["embedding"][tokens], "in")
        for layer in range(self.n_layer):
            weights = [p[f"{layer}.ih"], drop(p[f"{layer}.hh"], f"{layer}.hh"), p[f"{layer}.bias"], self.zero_bias]
            x, h, c = torch._VF.lstm(
                torch.cat([x, speaker], 2), state[layer], weights, True, 1, 0.0, masks is not None, False, False
            )
            after.append((h.detach(), c.detach()))
            x = drop(x, "out" if layer + 1 == self.n_layer else "hidden")
        return torch.cat([x, speaker], 2) @ p["projection"].T @ p["embedding"].T + p["head"], after

    def zero_state(self, batch):
        return [tuple(torch.zeros(1, batch, self.n_hidden) for _ in "hc") for _ in range(self.n_layer)]


def masks(net, recipe, size, batch):
    """One draw of every dropout mask, for a window."""
    draw = lambda rate, *shape: (torch.rand(shape) >= rate) / (1 - rate)
    found = {
        "in": draw(recipe["dropout_in"], batch, size["n_embd"]),
        "hidden": draw(recipe["dropout_hidden"], batch, net.n_hidden),
        "out": draw(recipe["dropout_out"], batch, net.n_hidden),
    }
    for layer in range(net.n_layer):
        found[f"{layer}.hh"] = draw(recipe["weight_drop"], 4 * net.n_hidden, net.n_hidden)
    return found


def arrays(sequences):
    return [{part: np.array(sequence[part]) for part in ("tokens", "slots", "targets", "kinds")} for sequence in sequences]


def hidden_speakers(sequence, rate, other_tag, chance):
    """The sequence with some turns said by <other>, tag and vector."""
    kinds = sequence["kinds"]
    is_tag = kinds == TAG
    turn = np.cumsum(is_tag)
    is_hidden = np.concatenate([[False], chance.random(turn[-1]) < rate])
    # What stands where a tag is the target is the end of the turn before.
    now = is_hidden[np.where(is_tag, turn - 1, turn)]
    after_tag = np.concatenate([[False], is_tag[:-1]])
    return {
        "tokens": np.where(now & after_tag, other_tag, sequence["tokens"]),
        "slots": np.where(now, 0, sequence["slots"]),
        "targets": np.where(is_tag & is_hidden[turn], other_tag, sequence["targets"]),
        "kinds": kinds,
    }


def windows(sequences, recipe, chance):
    """A pass: (which lanes begin, tokens, slots, targets, kinds or None where padded), each (time, lanes)."""
    waiting = list(sequences)
    chance.shuffle(waiting)
    shortest = max(recipe["bptt"] * 3 // 4, 1)
    length = chance.randint(shortest, recipe["bptt"])
    lanes = [(None, 0)] * max(min(recipe["batch"], len(waiting)), 1)
    while True:
        fresh = [sequence is None or at >= len(sequence["tokens"]) for sequence, at in lanes]
        for lane, is_fresh in enumerate(fresh):
            if is_fresh:
                lanes[lane] = (waiting.pop(0) if waiting else None, 0)
        if all(sequence is None for sequence, _ in lanes):
            return
        window = {part: np.zeros((length, len(lanes)), np.int64) for part in ("tokens", "slots", "targets")}
        kinds = np.full((length, len(lanes)), -2)
        for lane, (sequence, at) in enumerate(lanes):
            if sequence is not None:
                n = min(length, len(sequence["tokens"]) - at)
                for part, numbers in window.items():
                    numbers[:n, lane] = sequence[part][at : at + n]
                kinds[:n, lane] = sequence["kinds"][at : at + n]
                lanes[lane] = (sequence, at + length)
        yield fresh, window, kinds


def learning_rate(peak, step, n_steps):
    warmup = max(n_steps // 20, 1)
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = min((step - warmup) / max(n_steps - warmup, 1), 1)
    floor = peak / 40
    return floor + (peak - floor) * 0.5 * (1 + math.cos(math.pi * progress))


@torch.inference_mode()
def bits_per_char(net, parameters, sequences, counts):
    """Of the lines that `counts` of their slot, scenes of like length side by side."""
    bits, chars = 0.0, 0
    order = sorted(sequences, key=lambda sequence: len(sequence["tokens"]))
    for start in range(0, len(order), LANES_OF_DEV):
        group = order[start : start + LANES_OF_DEV]
        longest = len(group[-1]["tokens"])
        pad = lambda part, fill: torch.tensor([s[part] + [fill] * (longest - len(s[part])) for s in group]).T
        tokens, slots, targets, kinds = pad("tokens", 0), pad("slots", 0), pad("targets", 0), pad("kinds", -2)
        logits, _ = net.logits(parameters, tokens, slots, net.zero_state(len(group)))
        wanted = torch.tensor([kind >= 0 and counts(kind) for kind in kinds.flatten().tolist()])
        bits += cross_entropy(logits.flatten(0, 1)[wanted], targets.flatten()[wanted], reduction="sum").item() / math.log(2)
        chars += sum(n for s in group for slot, n in s["chars"].items() if counts(int(slot)))
    return bits / chars if chars else 0.0


def train(net, start, material, job):
    """Trains from `start` and returns the averaged parameters of the best epoch, and its judgement."""
    recipe, size = material["recipe"], material["size"]
    little = job["little_text"] and not job["from_nothing"]
    learned = {"speaker", "projection", "head"} if little else set(start)
    parameters = {name: tensor.clone().requires_grad_(name in learned) for name, tensor in start.items()}
    average = {name: tensor.clone() for name, tensor in start.items()}
    moving = [name for name in parameters if name in learned]
    matrices = [parameters[name] for name in moving if parameters[name].dim() > 1]
    vectors = [parameters[name] for name in moving if parameters[name].dim() == 1]
    groups = [{"params": matrices, "weight_decay": recipe["weight_decay"]}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW([group for group in groups if group["params"]], fused=True)
    weights_of_kind = torch.tensor(job["weights"])
    sequences, passes, epochs = arrays(job["train"]), job["passes"], job["epochs"]
    lanes = max(min(recipe["batch"], len(sequences)), 1)
    per_pass = -(-sum(-(-len(s["tokens"]) // (recipe["bptt"] * 7 // 8)) for s in sequences) // lanes)
    n_steps, step = epochs * passes * per_pass, 0
    chance, turns = random.Random(recipe["seed"]), np.random.default_rng(recipe["seed"])
    best = None
    for epoch in range(1, epochs + 1):
        for _ in range(passes):
            hidden = [hidden_speakers(s, recipe["hide_speaker"], material["other_tag"], turns) for s in sequences]
            state = net.zero_state(lanes)
            for fresh, window, kinds in windows(hidden, recipe, chance):
                if any(fresh):
                    keep = 1 - torch.tensor(fresh, dtype=torch.float32)[None, :, None]
                    state = [(h * keep, c * keep) for h, c in state]
                tokens, slots, targets = (torch.from_numpy(window[part]) for part in ("tokens", "slots", "targets"))
                weights = weights_of_kind[torch.from_numpy(kinds).flatten() + 2]
                logits, state = net.logits(parameters, tokens, slots, state, masks(net, recipe, size, lanes))
                step += 1
                total = weights.sum()
                if total == 0:
                    continue
                loss = (cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none") * weights).sum() / total
                optimizer.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(matrices + vectors, recipe["clip"], foreach=True)
                for group in optimizer.param_groups:
                    group["lr"] = learning_rate(job["peak"], step - 1, n_steps)
                optimizer.step()
                with torch.no_grad():
                    decay = min(recipe["ema"], (1 + step) / (10 + step))
                    torch._foreach_lerp_([average[n] for n in moving], [parameters[n] for n in moving], 1 - decay)
        dev = bits_per_char(net, average, job["dev"], job["counts"])
        gap = bits_per_char(net, average, job["as_me"], lambda slot: slot == 0) - dev if "as_me" in job else 0.0
        judgement = dev - 0.2 * gap if dev else -math.inf
        if best is None or judgement <= best[0]:
            best = (judgement, {name: tensor.clone() for name, tensor in average.items()}, dev, gap, epoch)
    return best


def jobs(material):
    """What is trained, in order: the ensemble, then the characters."""
    recipe, n_slots = material["recipe"], material["n_slots"]
    # Weights of the kinds of targets: padding (-2), tags (-1), lines of each slot.
    yield "ensemble", {
        **material["ensemble"], "epochs": recipe["epochs"], "passes": 1, "peak": recipe["lr"], "slot": 0, "spare": False,
        "from_nothing": True, "little_text": False, "weights": [0.0, 1.0] + [1.0] * n_slots, "counts": lambda slot: True,
    }  # fmt: skip
    for character in material["characters"]:
        slot, little, fresh = character["slot"], character["little_text"], character["from_nothing"]
        others = 0.0 if fresh else recipe["others_weight"]
        lines = [1.0 if other == slot else others for other in range(n_slots)]
        yield character["id"], {
            **character, "epochs": recipe["epochs" if fresh else "character_epochs"],
            "passes": LITTLE_TEXT_PASSES if little else 1,
            "peak": recipe["lr"] if fresh else recipe["character_lr"] * (8 if little else 1),
            "weights": [0.0, 0.0 if character["typed"] else 1.0, *lines], "counts": lambda other, slot=slot: other == slot,
        }  # fmt: skip


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("material")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    with open(args.material, encoding="utf-8") as file:
        material = json.load(file)
    torch.manual_seed(material["recipe"]["seed"])
    net = Net(material, material["recipe"]["seed"])
    begun, ensemble, found = time.perf_counter(), net.parameters, {}
    for name, job in jobs(material):
        start = dict(net.parameters if job["from_nothing"] else ensemble)
        if job["spare"] and not job["from_nothing"]:
            for part, to, source in [("speaker", job["slot"], 0), ("embedding", material["other_tag"] + job["slot"], material["other_tag"])]:
                start[part] = start[part].clone()
                start[part][to] = start[part][source]
        _, weights, dev, gap, epoch = train(net, start, material, job)
        if name == "ensemble":
            ensemble = weights
        found[name] = {"dev_bits": dev, "voice_gap": gap, "epoch": epoch, "seconds": time.perf_counter() - begun}
        print(f"{name:12} {dev:.3f} bits, epoch {epoch}, {found[name]['seconds']:.1f} s so far", file=sys.stderr)
    json.dump({"seconds": time.perf_counter() - begun, "models": found}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
