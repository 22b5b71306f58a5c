"""Prints the default of every field of the config classes that bamba-web reads, as JSON, from the installed transformers.

    python3 src/testing/transformers/defaults.py > src/testing/transformers/defaults-5.json

A default is what the class is constructed with: null where the class computes the value from other fields.
"""

import inspect
import json
import sys

import transformers
from transformers import CONFIG_MAPPING, PretrainedConfig

FAMILIES = [
    "bamba",
    "falcon_h1",
    "falcon_mamba",
    "gemma2",
    "gemma3_text",
    "granite",
    "granitemoe",
    "granitemoehybrid",
    "jamba",
    "lfm2",
    "lfm2_moe",
    "llama",
    "mamba",
    "mamba2",
    "mistral",
    "nemotron_h",
    "olmo",
    "olmo2",
    "olmo_hybrid",
    "phi3",
    "qwen2",
    "qwen3",
    "qwen3_5",
    "qwen3_5_moe_text",
    "qwen3_5_text",
    "qwen3_next",
    "recurrent_gemma",
    "smollm3",
    "zamba",
    "zamba2",
]
# Fields of the common base class; tie_word_embeddings is the one of them that describes a model.
COMMON = set(inspect.signature(PretrainedConfig.__init__).parameters) | set(PretrainedConfig().to_dict())


def defaults(config_class):
    parameters = inspect.signature(config_class.__init__).parameters.values()
    values = {p.name: p.default for p in parameters if p.default is not p.empty and p.name not in COMMON}
    made = config_class()
    values["tie_word_embeddings"] = made.tie_word_embeddings
    # Newer versions have it in an object of its own.
    rope = getattr(made, "rope_parameters", None)
    if rope and "full_attention" in rope:
        # Of each sort of layer, which older versions have side by side.
        values["rope_theta"] = rope["full_attention"]["rope_theta"]
        values["rope_local_base_freq"] = rope["sliding_attention"]["rope_theta"]
    elif rope:
        values["rope_theta"] = rope["rope_theta"]
    values.pop("rope_parameters", None)
    return values


def plain(value):
    """JSON has no infinity."""
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return "Infinity" if value == float("inf") else value


found = {}
for family in FAMILIES:
    try:
        config_class = CONFIG_MAPPING[family]
    except KeyError:
        print(f"transformers {transformers.__version__} has no {family}", file=sys.stderr)
        continue
    found[family] = {name: plain(value) for name, value in sorted(defaults(config_class).items())}
print(json.dumps({"transformers": transformers.__version__, "families": found}, indent=1))
