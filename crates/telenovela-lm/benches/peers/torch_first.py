"""PyTorch from nothing to the first character: `torch_first.py MODEL.safetensors` loads a character into nn.LSTM and prints one greedy token.

What is timed is the whole process, from outside.
"""

import sys

import torch
from safetensors.torch import load_file


def main():
    torch.set_num_threads(1)
    tensors = load_file(sys.argv[1])
    weight = lambda name: tensors[name].float() * tensors[name + ".scale"][:, None]
    speaker, embedding = weight("speaker.weight")[0], weight("embedding.weight")
    x = embedding[0]
    layer = 0
    with torch.inference_mode():
        while f"lstm.{layer}.weight_hh_l0" in tensors:
            w_ih, w_hh = weight(f"lstm.{layer}.weight_ih_l0"), weight(f"lstm.{layer}.weight_hh_l0")
            lstm = torch.nn.LSTM(w_ih.shape[1], w_hh.shape[1])
            lstm.weight_ih_l0.copy_(w_ih)
            lstm.weight_hh_l0.copy_(w_hh)
            lstm.bias_ih_l0.copy_(tensors[f"lstm.{layer}.bias_ih_l0"])
            lstm.bias_hh_l0.zero_()
            x = lstm(torch.cat([x, speaker])[None, None])[0][0, 0]
            layer += 1
        logits = embedding @ (weight("projection.weight") @ torch.cat([x, speaker])) + tensors["head.bias"]
        print(logits.argmax().item())


if __name__ == "__main__":
    main()
