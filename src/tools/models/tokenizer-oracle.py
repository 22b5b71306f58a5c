"""Right values for tokenizers, by the Rust library (pip install tokenizers==0.23.2).

Makes tokenizer.json files of every kind at random, and texts, and writes what the library makes of them:
    python3 src/tools/models/tokenizer-oracle.py SEED CASES TEXTS > src/text/fixtures/rust-tokenizers.json
The committed file was made with 7 104 3. src/text/rust-tokenizers.test.ts reads it, and runs this script for more.
"""
import json
import random
import sys

from tokenizers import Tokenizer

SEED, CASES, TEXTS = (int(argument) for argument in sys.argv[1:4])
R = random.Random(SEED)

CHUNKS = [
    "the", "The ", "quick brown", "  ", "isn't", " We'LL", "'s", "12345", " 3.50", "½²Ⅷ", "١٢٣", "naïve", "É", "e\u0301",
    "ﬁ①Ａ", "İıß", "ΣΑΣ", "你好", "世界", "こんにちはー", "안녕", "🙂", "👨‍👩‍👧", "👍🏽", "<s>", "</s>", "<|end|>", "tok", "TOK",
    " tok ", "word", "_", "foo(bar)", "0x1F;", "...", "!!", "—", "“q”", "$€", "\n", "\r\n", "\t", "\u00a0", "\u3000", "\u200b",
    "\ufeff", "\u0085", "\0", "\x07", "▁", "▁a", "<0x41>", "<unk>", "ab", "abc", "a", "b", "  x", "-", "a_b", "ﷺ", "\ufffd", "שלום",
    "हिन्दी", "Ⓐ", "\u0300", "ǆ",
]
REGEXES = [
    r"\s+", r"\p{L}+|\p{N}+", r"[0-9]", r"[0-9][0-9][0-9]", r"\w+|[^\w\s]+", r"\d{1,3}(?=(?:\d{3})*\b)", r"[\p{Han}]+|[\p{P}]",
    r"(?<=a)b", r"^\s|\s$", r"a*?b|", r"(?>\s+)|\S{1,4}+", r"[[:punct:]]|[[:space:]]", r"\b", r" ?\p{L}++|\s++$|\s", r"(?i)'s|'T|é",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"[\p{L}&&[^a-z]]+|\h", r"(?:\p{L}+\s?)+!",
]
BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]
SPECIAL = ["<unk>", "<s>", "</s>"]
BYTE_TOKENS = ["<0x%02X>" % byte for byte in range(256)]


def maybe(chance=0.5):
    return R.random() < chance


def some(make, most=3):
    return [make() for _ in range(R.randint(0, most))]


def text():
    return "".join(R.choice(CHUNKS) for _ in range(R.randint(0, 8)))


def pattern():
    return {"Regex": R.choice(REGEXES)} if maybe(0.7) else {"String": R.choice([" ", "a", "'", "▁", "ab", ".", "\n", "-"])}


def normalizer(depth=2):
    kinds = {
        "NFC": {}, "NFD": {}, "NFKC": {}, "NFKD": {}, "Lowercase": {}, "StripAccents": {}, "Nmt": {},
        "Strip": {"strip_left": maybe(), "strip_right": maybe()},
        "Prepend": {"prepend": R.choice(["▁", " ", "xy"])},
        "Replace": {"pattern": pattern(), "content": R.choice(["", " ", "▁", "zz", "a"])},
        "BertNormalizer": {"clean_text": maybe(), "handle_chinese_chars": maybe(), "strip_accents": R.choice([None, True, False]), "lowercase": maybe()},
    }
    if depth and maybe(0.3):
        return {"type": "Sequence", "normalizers": some(lambda: normalizer(depth - 1))}
    kind = R.choice(sorted(kinds))
    return {"type": kind, **kinds[kind]}


def byte_level(uses_regex=None):
    return {"type": "ByteLevel", "add_prefix_space": maybe(0.3), "trim_offsets": True, "use_regex": maybe() if uses_regex is None else uses_regex}


def pre_tokenizer(depth=2):
    kinds = {
        "Metaspace": {"replacement": R.choice("▁_"), "prepend_scheme": R.choice(["always", "first", "never"]), "split": maybe()},
        "Split": {"pattern": pattern(), "behavior": R.choice(BEHAVIORS), "invert": maybe(0.4)},
        "Punctuation": {"behavior": R.choice(BEHAVIORS)},
        "Digits": {"individual_digits": maybe()},
        "Whitespace": {}, "WhitespaceSplit": {}, "BertPreTokenizer": {}, "UnicodeScripts": {},
        "CharDelimiterSplit": {"delimiter": R.choice("_ a▁")},
        "FixedLength": {"length": R.randint(1, 5)},
    }
    if depth and maybe(0.3):
        return {"type": "Sequence", "pretokenizers": some(lambda: pre_tokenizer(depth - 1))}
    kind = R.choice(sorted(kinds) + ["Split"] * 3)
    return {"type": kind, **kinds[kind]}


def decoder(depth=1):
    kinds = {
        "ByteLevel": {"add_prefix_space": True, "trim_offsets": True, "use_regex": True}, "ByteFallback": {}, "Fuse": {},
        "Metaspace": {"replacement": R.choice("▁_"), "prepend_scheme": R.choice(["always", "first", "never"]), "split": True},
        "WordPiece": {"prefix": "##", "cleanup": maybe()},
        "BPEDecoder": {"suffix": "</w>"},
        "CTC": {"pad_token": "<s>", "word_delimiter_token": "|", "cleanup": maybe()},
        "Strip": {"content": R.choice(" a▁"), "start": R.randint(0, 2), "stop": 0},
        "Replace": {"pattern": pattern(), "content": R.choice(["", " ", "x"])},
    }
    if depth and maybe(0.3):
        return {"type": "Sequence", "decoders": some(lambda: decoder(depth - 1))}
    kind = R.choice(sorted(kinds))
    return {"type": kind, **kinds[kind]}


def post_processor():
    begin, end = ({"id": token, "ids": [SPECIAL.index(token)], "tokens": [token]} for token in SPECIAL[1:])
    kinds = {
        "ByteLevel": {"add_prefix_space": True, "trim_offsets": maybe(), "use_regex": True},
        "BertProcessing": {"sep": ["</s>", 2], "cls": ["<s>", 1]},
        "RobertaProcessing": {"sep": ["</s>", 2], "cls": ["<s>", 1], "trim_offsets": True, "add_prefix_space": True},
        "TemplateProcessing": {
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"<s>": begin, "</s>": end},
        },
    }
    kind = R.choice(sorted(kinds))
    one = {"type": kind, **kinds[kind]}
    return {"type": "Sequence", "processors": [one]} if maybe(0.2) else one


def byte_alphabet():
    following = iter(range(256, 512))
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    return [chr(byte) if byte in printable else chr(next(following)) for byte in range(256)]


BYTES = byte_alphabet()
LETTERS = sorted(set("".join(CHUNKS) + " '\"."))
WORDS = sorted({chunk[i:j] for chunk in CHUNKS for i in range(len(chunk)) for j in range(i + 2, min(len(chunk), i + 5) + 1)})


def merged(words, vocabulary, prefix, suffix):
    """Merges that make words, from pairs at random places; what they make joins the vocabulary."""
    merges = []
    for word in words:
        parts = [(prefix if i else "") + c + (suffix if i == len(word) - 1 else "") for i, c in enumerate(word)]
        while len(parts) > 1:
            i = R.randrange(len(parts) - 1)
            pair = parts[i : i + 2]
            if not all(part in vocabulary for part in pair):
                break
            if pair not in merges:
                merges.append(pair)
            parts[i : i + 2] = [pair[0] + pair[1][len(prefix) :]]
            vocabulary.setdefault(parts[i])
    return merges


def model(kind, of_bytes):
    words = R.sample(WORDS, 40)
    letters = R.sample(LETTERS, len(LETTERS) * 3 // 4)
    if of_bytes:
        words, letters = ["".join(BYTES[byte] for byte in word.encode()) for word in words], BYTES
    falls_back = maybe() and not of_bytes
    start = [*SPECIAL, *(BYTE_TOKENS if falls_back else [])]
    if kind == "Unigram":
        scored = dict.fromkeys([*start, *letters, *words])
        score = (lambda: -R.random() * 12) if maybe() else (lambda: -R.randint(1, 6))
        return {"type": kind, "unk_id": 0, "byte_fallback": falls_back, "vocab": [[token, 0.0 if token in start else score()] for token in scored]}
    if kind == "BPE":
        prefix, suffix = ("", "") if of_bytes else (R.choice(["", "", "##"]), R.choice(["", "", "</w>"]))
        ends = [letter + suffix for letter in letters] + [prefix + letter for letter in letters]
        vocabulary = dict.fromkeys([*start, *letters, *ends, *(prefix + end for end in ends[: len(letters)])])
        merges = merged(words, vocabulary, prefix, suffix)
        if maybe() and not any(" " in part for merge in merges for part in merge):
            merges = [" ".join(merge) for merge in merges]
        return {
            "type": kind, "dropout": None, "unk_token": R.choice([None, "<unk>"]), "continuing_subword_prefix": prefix or None,
            "end_of_word_suffix": suffix or None, "fuse_unk": maybe(), "byte_fallback": falls_back, "ignore_merges": maybe(0.3),
            "vocab": {token: id for id, token in enumerate(vocabulary)}, "merges": merges,
        }
    prefixed = ["##" + token for token in [*letters, *words]] if kind == "WordPiece" else []
    vocabulary = {token: id for id, token in enumerate(dict.fromkeys([*SPECIAL, *letters, *words, *prefixed]))}
    more = {"continuing_subword_prefix": "##", "max_input_chars_per_word": R.choice([100, 5])} if prefixed else {}
    return {"type": kind, "unk_token": "<unk>", "vocab": vocabulary, **more}


def added_tokens(size):
    def token(id, content, special):
        flags = {name: maybe(0.3) for name in ["single_word", "lstrip", "rstrip"]} if id >= size else {}
        # Special tokens are looked for as they are: the library forgets that they are special once they are normalized.
        normalized = not special and maybe(0.3)
        return {"id": id, "content": content, "single_word": False, "lstrip": False, "rstrip": False, **flags, "normalized": normalized, "special": special}

    more = R.sample(["<|end|>", "tok", "TOK", "word", "ab", "a b", "12", "\n", "世", "🙂", "<tok>", "the", "É", "<s", "_"], R.randint(0, 4))
    return [token(id, content, True) for id, content in enumerate(SPECIAL)] + [token(size + i, content, maybe(0.3)) for i, content in enumerate(more)]


MODELS = [model(kind, of_bytes) for kind, of_bytes in [("BPE", True), ("BPE", True), ("BPE", False), ("BPE", False), ("Unigram", False), ("Unigram", False), ("WordPiece", False), ("WordLevel", False)]]


def settings(index):
    of_bytes = index < 2
    cut = pre_tokenizer() if maybe(0.85) else None
    if of_bytes:
        cut = {"type": "Sequence", "pretokenizers": [*([cut] if cut else []), byte_level()]} if maybe() else byte_level()
    return {
        "normalizer": normalizer() if maybe(0.6) else None, "pre_tokenizer": cut,
        "post_processor": post_processor() if maybe(0.6) else None, "decoder": decoder() if maybe(0.9) else None,
        "added_tokens": added_tokens(len(MODELS[index]["vocab"])),
    }


def row(tokenizer):
    given = text()
    ids = tokenizer.encode(given, add_special_tokens=True).ids
    plain = tokenizer.encode(given, add_special_tokens=False).ids
    shuffled = [R.randrange(tokenizer.get_vocab_size() + 2) for _ in range(R.randint(1, 6))] if maybe(0.3) else plain
    return {"text": given, "ids": ids, "plain": plain, "decodes": shuffled, "decoded": tokenizer.decode(shuffled, skip_special_tokens=True)}


cases = []
while len(cases) < CASES:
    index = len(cases) % len(MODELS)
    made = settings(index)
    try:
        tokenizer = Tokenizer.from_str(json.dumps({"version": "1.0", "truncation": None, "padding": None, "model": MODELS[index], **made}))
        cases.append({"model": index, **made, "rows": [row(tokenizer) for _ in range(TEXTS)]})
    except BaseException:  # what the library itself refuses or breaks on tells nothing
        continue
json.dump({"models": MODELS, "cases": cases}, sys.stdout, ensure_ascii=False, separators=(",", ":"))
