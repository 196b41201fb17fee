/* From an instruction to its SSE or MMX ops: finds it in the tables. */
#include "soft/sse/sse_handlers.h"

static const struct sse_entry *const tables[] = {
    sse_moves, sse_integers, sse_floats, sse_conversions, sse_shuffles, sse_strings, sse_control,
    mmx_moves, mmx_integers};

/* Whether the tables have anything near that opcode. */
static bool near_sse(const struct insn *insn) {
  uint8_t opcode = insn->opcode;
  switch (insn->map) {
    case MAP_0F:
      return (opcode >= 0x10 && opcode <= 0x17) || (opcode >= 0x28 && opcode <= 0x2f) ||
             (opcode >= 0x50 && opcode <= 0x7f) || opcode == 0xae ||
             (opcode >= 0xc2 && opcode <= 0xc6) || opcode >= 0xd0;
    case MAP_0F38:
    case MAP_0F3A: return true;
    default: return false;
  }
}

static bool applies(const struct sse_entry *entry, const struct insn *insn) {
  switch (entry->when) {
    case SSE_ANY: return true;
    case SSE_W0: return !insn->rex_w;
    case SSE_W1: return insn->rex_w;
    case SSE_SIZE2: return insn->size == 2;
    case SSE_SIZE4: return insn->size == 4;
    case SSE_SIZE8: return insn->size == 8;
    default: return (insn->reg & 7) == entry->when - SSE_DIGIT;
  }
}

static const struct sse_entry *find(const struct insn *insn) {
  uint8_t prefix = insn_prefix(insn);
  for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
    for (const struct sse_entry *entry = tables[i]; entry->reg || entry->mem; entry++) {
      if (entry->opcode == insn->opcode && entry->map == insn->map && entry->prefix == prefix &&
          applies(entry, insn)) {
        return entry;
      }
    }
  }
  return NULL;
}

static struct op *emit_form(struct translator *t, const struct insn *insn, uint8_t form,
                            handler *run) {
  if (form & SSE_AT_RDI) {
    struct insn at = *insn;
    at.base = RDI;
    return emit_memory(t, &at, run);
  }
  return insn_memory(insn) ? emit_memory(t, insn, run) : emit(t, insn, run);
}

bool translate_sse(struct translator *t, const struct insn *insn) {
  if (insn->lock || !near_sse(insn)) return false;
  const struct sse_entry *entry = find(insn);
  if (entry == NULL) return false;
  handler *run = insn_memory(insn) ? entry->mem : entry->reg;
  if (run == NULL) return false;

  uint8_t form = entry->form;
  bool always = form & SSE_ALWAYS || (form & SSE_MMX) == SSE_MMX;
  if (!t->sse_checked && !always) {
    emit(t, insn, sse_check);
    t->sse_checked = true;
  }
  uint8_t reg = form & SSE_REG_GPR   ? insn_register(insn, insn->reg, 4)
                : form & SSE_REG_MMX ? insn->reg & 7
                                     : insn->reg;
  uint8_t rm = form & SSE_RM_GPR    ? insn_register(insn, insn->rm, 4)
               : form & SSE_RM_GPR8 ? insn_register(insn, insn->rm, 1)
               : form & SSE_RM_MMX  ? insn->rm & 7
                                    : insn->rm;
  struct op *op = emit_form(t, insn, form, run);
  op->dst = form & SSE_RM_DST ? rm : reg;
  op->src = form & SSE_RM_DST ? reg : rm;
  op->code = insn->rex_w;
  op->imm = (uint8_t)insn->imm;
  return true;
}
