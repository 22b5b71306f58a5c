"""Right results for models, by Hugging Face transformers (pip install torch==2.13.0 transformers==5.17.0).

Runs the checkpoint in FOLDER on a prompt of TOKENS tokens, and writes golden.safetensors beside it:
    python3 src/tools/models/golden-oracle.py FOLDER TOKENS
`npm run golden` makes such a folder. src/tools/models/golden.ts reads what is written here.
"""
import hashlib
import json
import os
import random
import sys
import tempfile

os.environ.update(HF_HUB_OFFLINE="1", USE_HUB_KERNELS="0")

import torch
import transformers
from safetensors.torch import load_file, save_file

transformers.utils.logging.disable_progress_bar()
transformers.utils.logging.set_verbosity_error()
# Matrices are small, and threads would wait for each other.
torch.set_num_threads(1)

GREEDY_TOKENS = 20
# Another prompt is taken where the answer hangs on a smaller gap between two logits, or repeats itself.
LEAST_MARGIN = 0.02
LEAST_DISTINCT = 8
MOST_PROMPTS = 200
# Their hidden states are what comes out of each block, and those of all others what goes into it.
AFTER = ["mamba", "mamba2", "falcon_mamba"]


def read_config(folder):
    """The config of the text model, without what it says of rounding: weights are given as the numbers that they stand for."""
    with open(f"{folder}/config.json") as file:
        fields = json.load(file, object_hook=lambda one: float(one["__float__"]) if "__float__" in one else one)
    fields = fields.get("text_config", fields)
    fields.pop("quantization_config", None)
    return transformers.AutoConfig.for_model(**fields)


def read_weights(folder):
    """Every tensor in f32, under the name that the text model has for it; numbers of eight bits are multiplied by their scales."""
    stored = load_file(f"{folder}/model.safetensors")
    weights = {}
    for name, tensor in stored.items():
        if not name.endswith("_scale"):
            scale = stored.get(f"{name}_scale", torch.ones(1)).float()
            weights[name.replace("model.language_model.", "model.")] = tensor.float() * scale
    return weights


def load(folder):
    with tempfile.TemporaryDirectory() as whole:
        save_file(read_weights(folder), f"{whole}/model.safetensors", {"format": "pt"})
        transformers.GenerationConfig().save_pretrained(whole)
        model, report = transformers.AutoModelForCausalLM.from_pretrained(
            whole, config=read_config(folder), dtype=torch.float32, attn_implementation="eager", output_loading_info=True
        )
    wrong = {what: names for what, names in report.items() if names}
    if wrong:
        sys.exit(f"The checkpoint does not fit the model: {wrong}")
    for module in model.modules():
        # Two families raise every time step to a least one that is meant for training, and forget it in decoding.
        if hasattr(module, "time_step_limit"):
            module.time_step_limit = tuple(getattr(model.config, "time_step_limit", (0, float("inf"))))
    return model.eval()


def make_prompt(vocabulary, tokens, seed):
    """Ids at random, none of them of the first three, which begin and end texts."""
    draw = random.Random(seed)
    return [draw.randrange(3, vocabulary) for _ in range(tokens)]


def kept_positions(tokens):
    """The first and the last tokens, and both sides of places where kernels and windows end."""
    ends = [*range(16, 64, 8), *range(64, tokens, 64)]
    kept = {*range(8), *(end - 1 for end in ends), *ends, *range(tokens - 8, tokens)}
    return sorted(position for position in kept if 0 <= position < tokens)


def states_after(model, output):
    """What each block keeps of the prompt: raw inputs of its convolution, the latest last; its state; the last key and value."""
    cache = getattr(output, "past_key_values", None) or getattr(output, "cache_params", None)
    kept = {}
    for index, layer in enumerate(cache.layers if cache else []):
        kept[index, "conv"] = (getattr(layer, "conv_states", None) or {}).get(0)
        kept[index, "ssm"] = (getattr(layer, "recurrent_states", None) or {}).get(0)
        kept[index, "key_last"] = last_of(getattr(layer, "keys", None))
        kept[index, "value_last"] = last_of(getattr(layer, "values", None))
    for index, layer in enumerate(model.base_model.layers):
        # Recurrent blocks of this name keep theirs themselves.
        if hasattr(block := getattr(layer, "temporal_block", None), "rg_lru"):
            kept[index, "conv"] = block.conv1d_state
            kept[index, "ssm"] = block.rg_lru.recurrent_states
    return {f"state.{index}.{part}": value[0] for (index, part), value in kept.items() if value is not None}


def last_of(cached):
    """Of (1, heads, tokens, width) the last token's."""
    return None if cached is None or cached.numel() == 0 else cached[:, :, -1]


def results(model, ids):
    """Everything that a golden holds, for this prompt."""
    positions = kept_positions(len(ids))
    with torch.no_grad():
        output = model(torch.tensor([ids]), use_cache=True, output_hidden_states=True)
        states = states_after(model, output)
        # The answer's tokens are chosen without a cache, so that it can spoil none of them.
        greedy, margins, logits = [], [], output.logits[0, -1]
        while True:
            best = logits.topk(2)
            greedy.append(int(best.indices[0]))
            margins.append(float(best.values[0] - best.values[1]))
            if len(greedy) == GREEDY_TOKENS:
                break
            logits = model(torch.tensor([ids + greedy]), use_cache=False).logits[0, -1]
    hidden = {f"hidden.{index}": stage[0, positions] for index, stage in enumerate(output.hidden_states)}
    tensors = {"logits": output.logits[0, positions], "greedy_margin": torch.tensor(margins), **hidden, **states}
    integers = {"input_ids": ids, "logit_positions": positions, "greedy": greedy}
    return {
        **{name: tensor.float().contiguous() for name, tensor in tensors.items()},
        **{name: torch.tensor(values, dtype=torch.int32) for name, values in integers.items()},
    }


def is_telling(found):
    return found["greedy_margin"].min() >= LEAST_MARGIN and len(found["greedy"].unique()) >= LEAST_DISTINCT


def main(folder, tokens):
    model = load(folder)
    kind = model.config.model_type
    tries = (results(model, make_prompt(model.config.vocab_size, int(tokens), seed)) for seed in range(MOST_PROMPTS))
    found = next((one for one in tries if is_telling(one)), None)
    if found is None:
        sys.exit(f"None of {MOST_PROMPTS} prompts has an answer of {LEAST_DISTINCT} different tokens that are {LEAST_MARGIN} ahead.")
    with open(f"{folder}/model.safetensors", "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    about = {
        "weights_sha256": digest,
        "model_type": kind,
        "hidden": "after" if kind in AFTER else "before",
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }
    save_file(found, f"{folder}/golden.safetensors", about)
    print(f"{kind}: {tokens} tokens, smallest margin {found['greedy_margin'].min():.3f}, largest logit {found['logits'].abs().max():.2f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
