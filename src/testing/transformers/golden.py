"""Makes a small random model of a family with transformers, and its results as golden.safetensors beside it.

    python3 src/testing/transformers/golden.py src/testing/fixtures/gemma3

config.json has to be there. Weights are stored as bf16, and the results are those of f32 arithmetic over them.
"""

import json
import pathlib
import sys

import torch
import transformers
from safetensors.torch import save_file

TOKENS = 75
GREEDY = 20
folder = pathlib.Path(sys.argv[1])
torch.manual_seed(7)
config = transformers.AutoConfig.from_pretrained(folder)
config._attn_implementation = "eager"
model = transformers.AutoModelForCausalLM.from_config(config).float().eval()
with torch.no_grad():
    for name, parameter in model.named_parameters():
        # Values of the sizes that trained models have, so that no branch drowns the others.
        scale = 0.2 if parameter.dim() == 1 else parameter.shape[-1] ** -0.5
        parameter.copy_((torch.randn_like(parameter) * scale).bfloat16().float())
model.tie_weights()
ids = torch.randint(3, config.vocab_size, (1, TOKENS))
positions = sorted({0, 1, 2, 3, *range(20, 30), *range(60, TOKENS)})

with torch.no_grad():
    out = model(ids, output_hidden_states=True, use_cache=True)
    tensors = {"input_ids": ids[0].int(), "logit_positions": torch.tensor(positions).int()}
    tensors["logits"] = out.logits[0, positions].contiguous()
    for index, hidden in enumerate(out.hidden_states):
        tensors[f"hidden.{index}"] = hidden[0, positions].contiguous()
    for index, layer in enumerate(out.past_key_values.layers):
        tensors[f"state.{index}.key_last"] = layer.keys[0, :, -1].contiguous()
        tensors[f"state.{index}.value_last"] = layer.values[0, :, -1].contiguous()
    greedy, margins, all_ids = [], [], ids
    for _ in range(GREEDY):
        best = model(all_ids, use_cache=False).logits[0, -1].topk(2)
        greedy.append(best.indices[0].item())
        margins.append((best.values[0] - best.values[1]).item())
        all_ids = torch.cat([all_ids, best.indices[:1][None]], dim=1)
tensors["greedy"] = torch.tensor(greedy).int()
tensors["greedy_margin"] = torch.tensor(margins)
metadata = {"format": "pt", "hidden": "before", "model_type": config.model_type}
metadata |= {"transformers": transformers.__version__, "torch": torch.__version__}
save_file(tensors, folder / "golden.safetensors", metadata)
tied = config.tie_word_embeddings
weights = {
    name: value.bfloat16().contiguous()
    for name, value in model.state_dict().items()
    if not (tied and name == "lm_head.weight")
}
save_file(weights, folder / "model.safetensors", {"format": "pt"})
print(json.dumps({"greedy": greedy, "least margin": min(margins)}))
