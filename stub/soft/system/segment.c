/* See segment.h. */
#include "soft/system/segment.h"

#include "soft/memory/memory.h"
#include "soft/system/system.h"

/* In real-address mode there are limits but no types. */
static bool segment_takes(const struct cpu *cpu, const struct segment *segment, bool write) {
  if (segment->access & AR_UNUSABLE) return false;
  if (segments_real(cpu)) return true;
  if (write) return access_writable(segment->access);
  return !(segment->access & AR_CODE) || segment->access & AR_READABLE;
}

void segment_check(struct cpu *cpu, const struct op *op, uint8_t number, uint32_t offset, uint32_t size, bool write) {
  const struct segment *segment = &cpu->segment[number];
  if (likely(segment_takes(cpu, segment, write) && segment_fits(segment, offset, size))) return;
  cpu_fault(cpu, op, number == SS ? VECTOR_SS : VECTOR_GP, 0);
}

bool descriptor_find(struct cpu *cpu, uint16_t selector, uint32_t size, struct descriptor *out) {
  uint64_t base = cpu->gdtr.base;
  uint32_t limit = cpu->gdtr.limit;
  if (selector & SELECTOR_TI) {
    const struct segment *table = &cpu->segment[LDTR];
    if (table->access & AR_UNUSABLE) return false;
    base = table->base;
    limit = table->limit;
  }
  uint32_t offset = selector & 0xfff8;
  if (offset + size - 1 > limit) return false;
  out->address = base + offset;
  out->raw = system_load(cpu, out->address, 8);
  return true;
}

struct descriptor descriptor_fetch(struct cpu *cpu, const struct op *op, uint16_t selector, uint32_t size) {
  struct descriptor descriptor;
  instruction_at(cpu, op);
  if (!descriptor_find(cpu, selector, size, &descriptor)) {
    cpu_fault(cpu, op, VECTOR_GP, SELECTOR_ERROR(selector));
  }
  return descriptor;
}

void descriptor_access_mark(struct cpu *cpu, struct descriptor *descriptor) {
  uint64_t accessed = (uint64_t)AR_ACCESSED << 40;
  if (descriptor->raw & accessed) return;
  descriptor->raw |= accessed;
  system_store(cpu, descriptor->address + 5, descriptor->raw >> 40 & 0xff, 1);
}

void code_target_check(struct cpu *cpu, const struct op *op, const struct descriptor *code, uint64_t rip) {
  bool fits = cpu_long_mode(cpu) && descriptor_access(code->raw) & AR_L
                  ? address_canonical(rip) : rip <= descriptor_limit(code->raw);
  if (!fits) cpu_fault(cpu, op, VECTOR_GP, 0);
}

void return_code_check(struct cpu *cpu, const struct op *op, uint16_t selector, const struct descriptor *code) {
  uint32_t access = descriptor_access(code->raw);
  uint32_t dpl = access_dpl(access), rpl = selector & SELECTOR_RPL;
  bool reachable = access_conforming(access) ? dpl <= rpl : dpl == rpl;
  bool both = cpu_long_mode(cpu) && access & AR_L && access & AR_DB;
  if (!access_code(access) || rpl < cpu->cpl || !reachable || both) {
    cpu_fault(cpu, op, VECTOR_GP, SELECTOR_ERROR(selector));
  }
  if (!(access & AR_PRESENT)) cpu_fault(cpu, op, VECTOR_NP, SELECTOR_ERROR(selector));
}

struct descriptor stack_segment_fetch(struct cpu *cpu, const struct op *op, uint16_t selector,
                                      uint8_t cpl, uint8_t vector, uint32_t ext) {
  struct descriptor stack;
  instruction_at(cpu, op);
  if (selector_null(selector)) cpu_fault(cpu, op, vector, ext);
  if (!descriptor_find(cpu, selector, 8, &stack)) {
    cpu_fault(cpu, op, vector, SELECTOR_ERROR(selector) | ext);
  }
  uint32_t access = descriptor_access(stack.raw);
  if ((selector & SELECTOR_RPL) != cpl || access_dpl(access) != cpl || !access_writable(access)) {
    cpu_fault(cpu, op, vector, SELECTOR_ERROR(selector) | ext);
  }
  if (!(access & AR_PRESENT)) cpu_fault(cpu, op, VECTOR_SS, SELECTOR_ERROR(selector) | ext);
  return stack;
}

void segment_set(struct cpu *cpu, uint8_t segment, uint16_t selector, const struct descriptor *descriptor) {
  cpu->segment[segment] = (struct segment){
      .base = descriptor_base(descriptor->raw),
      .limit = descriptor_limit(descriptor->raw),
      .access = descriptor_access(descriptor->raw),
      .selector = selector,
  };
}

void segment_set_paragraph(struct cpu *cpu, uint8_t segment, uint16_t selector) {
  struct segment *out = &cpu->segment[segment];
  out->selector = selector;
  out->base = (uint64_t)selector << 4;
  /* Limit and rights stay what protected mode left there; a segment that was null gets its own. */
  if (segment == CS) {
    out->access = ACCESS_CODE16;
  } else if (out->access & AR_UNUSABLE) {
    out->access = ACCESS_DATA16;
    out->limit = 0xffff;
  }
}

void segment_set_flat(struct cpu *cpu, uint8_t segment, uint16_t selector, uint32_t access) {
  cpu->segment[segment] = (struct segment){.limit = 0xffffffff, .access = access, .selector = selector};
}

void segment_set_null(struct cpu *cpu, uint8_t segment, uint16_t selector) {
  uint32_t access = AR_UNUSABLE;
  if (segment == SS) access |= (uint32_t)(selector & SELECTOR_RPL) << AR_DPL_SHIFT;
  cpu->segment[segment] = (struct segment){.access = access, .selector = selector};
}

void segments_drop(struct cpu *cpu, uint8_t cpl) {
  static const uint8_t data[] = {ES, DS, FS, GS};
  for (unsigned i = 0; i < sizeof data; i++) {
    struct segment *segment = &cpu->segment[data[i]];
    if (segment->access & AR_UNUSABLE || access_conforming(segment->access) ||
        access_dpl(segment->access) >= cpl) {
      continue;
    }
    segment->selector = 0;
    segment->access = AR_UNUSABLE;
  }
}

static void load_stack_segment(struct cpu *cpu, const struct op *op, uint16_t selector) {
  if (selector_null(selector) && cpu->code_size == 8 && cpu->cpl < 3 && selector == cpu->cpl) {
    segment_set_null(cpu, SS, selector);
    return;
  }
  struct descriptor stack = stack_segment_fetch(cpu, op, selector, cpu->cpl, VECTOR_GP, 0);
  descriptor_access_mark(cpu, &stack);
  segment_set(cpu, SS, selector, &stack);
}

static void load_data_segment(struct cpu *cpu, const struct op *op, uint8_t segment, uint16_t selector) {
  if (selector_null(selector)) {
    segment_set_null(cpu, segment, selector);
    return;
  }
  struct descriptor data = descriptor_fetch(cpu, op, selector, 8);
  uint32_t access = descriptor_access(data.raw);
  uint32_t dpl = access_dpl(access);
  bool readable = access & AR_S && (!(access & AR_CODE) || access & AR_READABLE);
  bool reachable = access_conforming(access) || (dpl >= cpu->cpl && dpl >= (selector & SELECTOR_RPL));
  if (!readable || !reachable) cpu_fault(cpu, op, VECTOR_GP, SELECTOR_ERROR(selector));
  if (!(access & AR_PRESENT)) cpu_fault(cpu, op, VECTOR_NP, SELECTOR_ERROR(selector));
  descriptor_access_mark(cpu, &data);
  segment_set(cpu, segment, selector, &data);
}

void segment_load(struct cpu *cpu, const struct op *op, uint8_t segment, uint16_t selector) {
  if (segments_real(cpu)) {
    segment_set_paragraph(cpu, segment, selector);
  } else if (segment == SS) {
    load_stack_segment(cpu, op, selector);
  } else {
    load_data_segment(cpu, op, segment, selector);
  }
  if (cpu->code_size != 8) cpu_mode_changed(cpu);
}
