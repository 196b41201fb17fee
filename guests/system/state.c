/* x87, MMX, SSE and XSAVE state; CMPXCHG16B; MSRs that keep what was written. */
#include "lib/system.h"

static u8 area[1024] __attribute__((aligned(64)));
static u8 values[64] __attribute__((aligned(64)));

static u64 word(u32 offset, u32 bytes) {
  u64 v = 0;
  for (u32 i = 0; i < bytes; i++) v |= (u64)area[offset + i] << 8 * i;
  return v;
}

static void fill(u8 with) {
  for (u32 i = 0; i < sizeof area; i++) area[i] = with;
}

#define FXSAVE __asm__ volatile("fxsave %0" : "+m"(area) : : "memory")

static void show_fpu(const char *what) {
  fill(0);
  FXSAVE;
  print("%s: status %x, tags %x, ST0 %x:%x\n", what, word(2, 2), word(4, 1), word(40, 2), word(32, 8));
}

static void mmx(void) {
  __asm__ volatile("fninit\n\tfld1\n\tfld1" : : : "memory");
  show_fpu("after FLD1, FLD1");
  __asm__ volatile("mov $0x1122334455667788, %%rax\n\tmovq %%rax, %%mm0" : : : "rax", "memory");
  show_fpu("MOVQ to MM0");
  __asm__ volatile("fldz\n\tfldz\n\tfstp %%st(0)\n\tfstp %%st(0)\n\tmovd %%mm0, %%eax" : : : "rax", "memory");
  show_fpu("x87 between, MOVD from MM0");
  __asm__ volatile("emms" : : : "memory");
  show_fpu("EMMS");
}

SNIPPET(unmasked, "fninit\npush $0x33b\nfldcw (%rsp)\npop %rax\nfld1\nfldz\nfdivrp\nnop\nfwait");
SNIPPET(unmasked_mmx, "fninit\npush $0x33b\nfldcw (%rsp)\npop %rax\nfld1\nfldz\nfdivrp\nnop\npxor %mm1, %mm1");
SNIPPET(simd, "push $0x1d80\nldmxcsr (%rsp)\npop %rax\nxorps %xmm0, %xmm0\nmovaps %xmm0, %xmm1\npcmpeqd %xmm1, %xmm1\npsrld $25, %xmm1\npslld $23, %xmm1\ndivps %xmm0, %xmm1");
SNIPPET(bad_mxcsr, "push $0x10000\nldmxcsr (%rsp)\npop %rax");

static void exceptions(void) {
  write_cr0(read_cr0() | 0x20);
  report("x87 by zero, unmasked", attempt(unmasked, 0), unmasked);
  __asm__ volatile("fninit");
  report("the same before MMX", attempt(unmasked_mmx, 0), unmasked_mmx);
  __asm__ volatile("fninit");
  report("SSE by zero, unmasked", attempt(simd, 0), simd);
  report("LDMXCSR of a reserved bit", attempt(bad_mxcsr, 0), bad_mxcsr);
  u32 mxcsr = 0x1f80;
  __asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
}

#define CPUID_XSAVE (1u << 26)
SNIPPET(xsave_at, "mov $3, %eax\nxor %edx, %edx\nxsave (%rdi)");
SNIPPET(xrstor_at, "mov $3, %eax\nxor %edx, %edx\nxrstor (%rdi)");

static void xsave(void) {
  if (!(cpuid(1, 0).ecx & CPUID_XSAVE)) {
    print("xsave: absent\n");
    return;
  }
  report("XSAVE without OSXSAVE", attempt(xsave_at, (u64)area), xsave_at);
  print("OSXSAVE in CPUID: %u", (u64)(cpuid(1, 0).ecx >> 27 & 1));
  write_cr4(read_cr4() | CR4_OSXSAVE);
  print(", with CR4.OSXSAVE: %u\n", (u64)(cpuid(1, 0).ecx >> 27 & 1));
  __asm__ volatile("xsetbv" : : "a"(3), "d"(0), "c"(0));
  print("size of x87 and SSE: %u\n", (u64)cpuid(13, 0).ebx);
  report("XSAVE, not aligned", attempt(xsave_at, (u64)area + 16), xsave_at);
  fill(0xaa);
  for (u32 i = 512; i < 576; i++) area[i] = 0;
  __asm__ volatile("fninit\n\tfld1\n\tpcmpeqd %%xmm5, %%xmm5" : : : "memory");
  report("XSAVE", attempt(xsave_at, (u64)area), xsave_at);
  print(" header %x %x, control %x, status %x, XMM5 %x, behind it %x\n", word(512, 8), word(520, 8), word(0, 2), word(2, 2),
        word(160 + 16 * 5, 8), word(464, 8));
  /* Without the bits of XSTATE_BV the components take their initial state. */
  for (u32 i = 512; i < 520; i++) area[i] = 0;
  report("XRSTOR of nothing", attempt(xrstor_at, (u64)area), xrstor_at);
  u64 low;
  __asm__ volatile("movq %%xmm5, %0" : "=r"(low));
  print(" XMM5 %x\n", low);
  show_fpu(" x87");
  area[512] = 7;
  fill(0);
  area[512] = 4;
  report("XRSTOR of a component that XCR0 has not", attempt(xrstor_at, (u64)area), xrstor_at);
  area[512] = 0;
  area[528] = 1;
  report("XRSTOR with a reserved byte", attempt(xrstor_at, (u64)area), xrstor_at);
}

static void exchange(void) {
  u64 *memory = (u64 *)values;
  memory[0] = 1;
  memory[1] = 2;
  u64 low = 1, high = 2;
  bool same;
  __asm__ volatile("lock cmpxchg16b %0" : "+m"(*(u8(*)[16])values), "+a"(low), "+d"(high), "=@ccz"(same) : "b"(3ull), "c"(4ull) : "memory");
  print("CMPXCHG16B: %u, %u %u", (u64)same, memory[0], memory[1]);
  __asm__ volatile("lock cmpxchg16b %0" : "+m"(*(u8(*)[16])values), "+a"(low), "+d"(high), "=@ccz"(same) : "b"(5ull), "c"(6ull) : "memory");
  print("; again: %u, %u %u, read %u %u\n", (u64)same, memory[0], memory[1], low, high);
}

static void registers(void) {
  static const u32 msrs[] = {0xc0000100, 0xc0000101, 0xc0000102, 0xc0000082, 0x175, 0x176};
  for (u32 i = 0; i < sizeof msrs / sizeof *msrs; i++) {
    write_msr(msrs[i], 0xffff800012345000 + i);
  }
  print("MSRs:");
  for (u32 i = 0; i < sizeof msrs / sizeof *msrs; i++) print(" %x", read_msr(msrs[i]));
  __asm__ volatile("swapgs");
  print("\nbehind SWAPGS: %x %x\n", read_msr(0xc0000101), read_msr(0xc0000102));
  __asm__ volatile("mov %0, %%fs" : : "r"(0));
  write_msr(0xc0000100, 0x1234);
  u64 offset = (u64)spare[0] - 0x1234, v;
  *(volatile u64 *)spare[0] = 0x5678;
  __asm__ volatile("mov %%fs:(%1), %0" : "=r"(v) : "r"(offset));
  print("by the base of FS: %x", v);
  __asm__ volatile("mov %0, %%fs" : : "r"(KERNEL_DATA));
  print(", behind a load: %x\n", read_msr(0xc0000100));
}

void system_main(void) {
  mmx();
  exceptions();
  xsave();
  exchange();
  registers();
}
