"""Which class an executed instruction of an Arm processor belongs to, in the terms in which counts are compared.

The disassembler names the instruction and its registers; a table of rules says the class, first match first. What
happens in ZA comes before vectors (an outer product also names vectors), vectors before scalars.
"""

import re
import subprocess

# (class, pattern of the mnemonic, pattern of the operands). Registers: za, zt0; z0 vectors and p0 or pn8 predicates of
# SVE; v0 and q0, d0 (as loaded) of Advanced SIMD; s0, d0, h0 of scalar floats.
ZA = r"\bza\d*[hv]?\b|\bza\b"
Z = r"\bz\d+"
V = r"\bv\d+|\bq\d+"
FLOAT = r"\b[bhsd]\d+\b"
RULES = [(name, re.compile(r"(?:%s)\Z" % mnemonic), re.compile(operands)) for name, mnemonic, operands in [
    ("mopa", r"[a-z]*mop[as]|[fsu]+mop4[as]|bfmop[as]", ""),
    ("sme_smstart_smstop", "smstart|smstop", ""),
    ("sme_smstart_smstop", "msr|mrs", "(?i)svcr"),
    ("sme_luti", "luti[24]", ""),
    ("sme_za_zero", "zero", ZA + r"|zt0"),
    ("sme_za_load", "ld.*", ZA + r"|zt0"),
    ("sme_za_store", "st.*", ZA + r"|zt0"),
    ("sme_za_move", "mova?|movaz", ZA),
    ("sme_za_mla_dot", r"[a-z]*(?:ml[as][a-z]*|dot|vdot)", ZA),
    ("sme_za_other", ".*", ZA),
    ("prefetch", "prf.*", ""),
    ("sve_load", "ld.*", Z),
    ("sve_store", "st.*", Z),
    ("sve_count", r"(?:cnt|inc|dec)[bhwd]|addvl|addpl|rdvl|rdsvl|addsvl|addspl|sq(?:inc|dec).*|uq(?:inc|dec).*", ""),
    ("sve_mla_dot", r"[a-z]*(?:ml[as][a-z]*|dot)", Z),
    ("sve_arith", ".*", Z),
    ("sve_predicate", ".*", r"\bpn?\d+\b"),
    ("neon_load", "ld.*", V + "|" + FLOAT),
    ("neon_store", "st.*", V + "|" + FLOAT),
    ("neon_fmla", r"fml[as][a-z0-9]*|bfmlal[bt]", V),
    ("neon_dot_mmla", r"[a-z]*(?:dot|mmla)", V),
    ("neon_other", ".*", V),
    ("branch", r"b|bl|br|blr|ret|b\..*|cbn?z|tbn?z|svc", ""),
    ("scalar_load", "ld.*", ""),
    ("scalar_store", "st.*", ""),
    ("scalar_fp", ".*", FLOAT),
    ("scalar_alu", ".*", ""),
]]


def class_of(text):
    """The class of one line of disassembly, e.g. "fmla v0.4s, v1.4s, v2.s[1]"."""
    mnemonic, _, operands = text.strip().partition("\t" if "\t" in text.strip() else " ")
    return next(name for name, m, o in RULES if m.match(mnemonic) and o.search(operands))


def classes(opcodes):
    """{opcode: class} for 32-bit opcodes. Needs llvm-mc of llvm-19."""
    opcodes = sorted(opcodes)
    source = "".join("%s\n" % ",".join("0x%02x" % byte for byte in op.to_bytes(4, "little")) for op in opcodes)
    result = subprocess.run(["llvm-mc-19", "--disassemble", "--triple=aarch64", "--mattr=+all"], input=source, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    lines = [line.strip() for line in result.stdout.splitlines() if line.strip() and not line.strip().startswith(".")]
    if len(lines) != len(opcodes):
        raise SystemExit("llvm-mc-19 did not know all instructions:\n" + result.stderr)
    return {op: class_of(line) for op, line in zip(opcodes, lines)}
