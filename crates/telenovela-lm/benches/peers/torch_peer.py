"""PyTorch on one workload: `torch_peer.py T1 --text FILE`, `torch_peer.py T1 --variant bf16 --text FILE`, `torch_peer.py G1-256 --variant cell`.

Variants of training: f32, and bf16 (autocast, f32 master weights). Variants of speaking: f32 (nn.LSTM as it comes), no-onednn (the same without oneDNN,
which prepares the weights again in every call), cell (written by hand, two products per layer), compiled (the same through torch.compile), int8 (the
weights quantised by torch.ao, where this version has it).
"""

import torch
from torch.nn.functional import cross_entropy

import workloads as w


class Net(torch.nn.Module):
    def __init__(self, n_layer, n_hidden):
        super().__init__()
        self.embedding = torch.nn.Embedding(w.N_VOCAB, w.N_EMBD)
        self.lstm = torch.nn.LSTM(w.N_EMBD, n_hidden, n_layer)
        self.head = torch.nn.Linear(n_hidden, w.N_VOCAB)

    def forward(self, tokens, state):
        hidden, state = self.lstm(self.embedding(tokens), state)
        return self.head(hidden), state


def train(args):
    n_layer, n_hidden, batch, length = w.TRAIN[args.workload]
    net = Net(n_layer, n_hidden)
    optimizer = torch.optim.Adam(net.parameters(), w.LEARNING_RATE, fused=True)
    zeros = tuple(torch.zeros(n_layer, batch, n_hidden) for _ in "hc")
    state, loss = zeros, None
    text = torch.tensor(w.lanes(w.tokens_of(args.text), batch)).T.contiguous()  # (stretch, batch)
    windows = w.windows(len(text), length)

    def step():
        nonlocal state, loss
        fresh, at = next(windows)
        if fresh:
            state = zeros
        inputs, targets = text[at : at + length], text[at + 1 : at + 1 + length]
        with torch.autocast("cpu", torch.bfloat16, enabled=args.variant == "bf16"):
            logits, after = net(inputs, state)
        loss = cross_entropy(logits.float().view(-1, w.N_VOCAB), targets.reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), w.CLIP)
        optimizer.step()
        state = tuple(part.detach().float() for part in after)
        return batch * length

    measured = w.rates(args.seconds, step)
    w.answer(args.workload, measured, loss=loss.item())


class Cell(torch.nn.Module):
    """The network by hand, one step: the weights of each layer side by side, so that a layer is one product."""

    def __init__(self, net):
        super().__init__()
        lstm = net.lstm
        self.embedding, self.head = net.embedding, net.head
        names = [f"_l{layer}" for layer in range(lstm.num_layers)]
        part = lambda kind, name: getattr(lstm, kind + name)
        self.weights = [torch.cat([part("weight_ih", n), part("weight_hh", n)], 1).contiguous() for n in names]
        self.biases = [part("bias_ih", n) + part("bias_hh", n) for n in names]

    def forward(self, token, state):
        x, after = self.embedding.weight[token], []
        for weight, bias, (h, c) in zip(self.weights, self.biases, state):
            gates = torch.mv(weight, torch.cat([x, h])) + bias
            i, f, g, o = gates.chunk(4)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            x = torch.sigmoid(o) * torch.tanh(c)
            after.append((x, c))
        logits = torch.mv(self.head.weight, x) + self.head.bias
        return torch.softmax(logits / w.TEMPERATURE, 0), after


def speak(args):
    n_hidden, lanes, _ = w.SPEAK[args.workload]
    net = Net(2, n_hidden).eval()
    if args.variant in ("cell", "compiled"):
        assert lanes == 1, "the cell by hand speaks one take"
        step = Cell(net)
        if args.variant == "compiled":
            step = torch.compile(step)
        zeros = [(torch.zeros(n_hidden), torch.zeros(n_hidden)) for _ in range(2)]
        token = torch.tensor(0)

        def one(token, state):
            probabilities, state = step(token, state)
            return torch.multinomial(probabilities, 1)[0], state

    else:
        if args.variant == "int8":
            net = torch.ao.quantization.quantize_dynamic(net, {torch.nn.LSTM, torch.nn.Linear}, torch.qint8)
        torch.backends.mkldnn.enabled = args.variant != "no-onednn"
        zeros = tuple(torch.zeros(2, lanes, n_hidden) for _ in "hc")
        token = torch.zeros(1, lanes, dtype=torch.long)

        def one(token, state):
            logits, state = net(token, state)
            probabilities = torch.softmax(logits[0] / w.TEMPERATURE, 1)
            return torch.multinomial(probabilities, 1).T, state

    def draw():
        now, state = token, zeros
        for _ in range(w.CHARS // lanes):
            now, state = one(now, state)
            now.tolist()  # a theatre needs every character before the next one
        return w.CHARS // lanes * lanes

    with torch.inference_mode():
        w.answer(args.workload, w.rates(args.seconds, draw))


if __name__ == "__main__":
    arguments = w.arguments(["f32", "bf16", "no-onednn", "cell", "compiled", "int8"])
    torch.manual_seed(1)
    torch.set_num_threads(arguments.threads)
    (train if arguments.workload in w.TRAIN else speak)(arguments)
