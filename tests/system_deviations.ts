/**
 * Where a processor is known not to do what the architecture says (SDM: Intel's manual). KVM in the
 * lab runs on QEMU's processor, and has what that one has besides what KVM emulates itself.
 */

/** What executes the guests: an engine, or QEMU's software processor. */
export type Processor = "soft" | "kvm" | "tcg";

/** Lines of a guest's expected output, and what stands there instead. */
export interface Deviation {
  readonly guest: string;
  readonly right: string;
  readonly here: string;
}

/** An explanation, and lines of one guest: right, and as they are. */
function deviations(
  guest: string,
  _why: string,
  ...lines: readonly (readonly [right: string, here: string])[]
): Deviation[] {
  return lines.map(([right, here]) => ({ guest, right, here }));
}

/** What 8 bytes at a breakpoint of 1, 2, 4 and 8 bytes meet from its beginning on. */
const REACHED = [" 0", " 0 1", " 0 1 2 3", " 0 1 2 3 4 5 6 7"];

/** QEMU 7.2's processor, under KVM in the lab, too. */
const QEMU: readonly Deviation[] = [
  ...deviations(
    "exceptions",
    "A near branch faults where it goes to, not where it stands (SDM volume 2, JMP, CALL, RET).",
    ["jump, not canonical: #13(0) +0", "jump, not canonical: #13(0) elsewhere"],
    ["call, not canonical: #13(0) +0", "call, not canonical: #13(0) elsewhere"],
    ["return, not canonical: #13(0) +1", "return, not canonical: #13(0) elsewhere"],
  ),
  ...deviations(
    "breakpoints",
    "RF and loads of SS hold off less, and steps find breakpoints ahead (SDM volume 3, 17.3.1, 6.8.3).",
    ["behind MOV SS:; ok", "behind MOV SS: +7(1); ok"],
    ["MOV SS: +2(2) +6(2); ok", "MOV SS: +2(2) +5(2); ok"],
    ["REP MOVSB: +8(1); ok", "REP MOVSB: +8(1) +8(1) +8(1); ok"],
    [
      "REP MOVSB, stepped: +12(4000) +17(4000) +17(1) +17(4000, RF) +17(4000, RF) +19(4000) +20(4000) +27(4000) +28(4000); ok",
      "REP MOVSB, stepped: +12(4000) +17(4001) +17(4001) +17(4001) +19(4000) +20(4000) +27(4000) +28(4000); ok",
    ],
    [
      "in ring 3, stepped: +1(4000) +1(1) +2(4000) +3(4000) end(4000); ok",
      "in ring 3, stepped: +1(4001) +2(4000) +3(4000) end(4000); ok",
    ],
    ["DR7 with GD: +1(2000, RF); ok", "DR7 with GD:; ok"],
  ),
  ...deviations(
    "breakpoints",
    "Data that is not aligned is met by too much, a breakpoint that is not by too little (17.2.5).",
    ...["1", "2", "4", "8"].map((bytes, i) =>
      [
        `${bytes} bytes, 8 bytes at: -7 -6 -5 -4 -3 -2 -1${REACHED[i]}`,
        `${bytes} bytes, 8 bytes at: -7 -6 -5 -4 -3 -2 -1 0 1 2 3 4 5 6 7 9 10 11 12 13 14 15`,
      ] as const
    ),
    ["whose address is not aligned: +3(2); ok", "whose address is not aligned:; ok"],
  ),
  ...deviations(
    "breakpoints",
    "Data breakpoints trap before some accesses, and alone (SDM volume 3, 17.2.3, 17.3.1.2).",
    ["REP STOSB: +5(2, RF); ok", "REP STOSB: +5(2); ok"],
    ["REP STOSB, the last: +7(2); ok", "REP STOSB, the last: +5(2); ok"],
    [
      "MOVSB whose write faults:; #14(2) cr2 8000a000 +8",
      "MOVSB whose write faults: elsewhere(2); #14(2) cr2 8000a000 +8",
    ],
    ["two at once: +3(a); ok", "two at once: +3(2); ok"],
  ),
  ...deviations(
    "compatibility",
    "Neither limits, types nor null segments are checked (SDM volume 3, 5.3, 5.5; volume 2, IRET).",
    ["stack beyond its limit: #12(0) +11", "stack beyond its limit: ok, EAX 6b, CS 53"],
    ["write to code: #13(0) +5", "write to code: ok, EAX 0, CS 53"],
    ["a limit: #13(0) +10", "a limit: ok, EAX 0, CS 53"],
    ["null segment: #13(0) +4", "null segment: #14(5) cr2 0 +4"],
    [
      "IRET beyond the limit of code: #13(0), in ring 0",
      "IRET beyond the limit of code: #14(15), in ring 3",
    ],
  ),
  ...deviations(
    "debug",
    "STI holds off single steps, which only loads of SS do (SDM volume 3, 6.8.3).",
    [
      "STI: +10 +11 +12 +13 +14 +15 +16 +23 +24; ok",
      "STI: +10 +12 +13 +14 +15 +16 +23 +24; ok",
    ],
  ),
  ...deviations(
    "delivery",
    "A fault in the delivery of an exception has no EXT (SDM volume 3, 6.13).",
    ["#UD, IST not canonical: #12(1) +0", "#UD, IST not canonical: #12(0) +0"],
  ),
  ...deviations(
    "exceptions",
    "MOV takes LOCK (SDM volume 2, LOCK).",
    ["LOCK with MOV: #6 +0", "LOCK with MOV: ok"],
  ),
  ...deviations(
    "exceptions",
    "Addresses by RSP and RBP raise #GP, too (SDM volume 1, 3.3.7.1).",
    ["read by RBP, not canonical: #12(0) +3", "read by RBP, not canonical: #13(0) +3"],
    ["read by RSP, not canonical: #12(0) +6", "read by RSP, not canonical: #13(0) +6"],
    ["push, not canonical, ring 3: #12(0) +3", "push, not canonical, ring 3: #13(0) +3"],
  ),
  ...deviations(
    "exceptions",
    "An error code has the vector times 16, and no EXT (SDM volume 3, 6.13).",
    [
      "INT to a gate of ring 0, ring 3: #13(482) +0",
      "INT to a gate of ring 0, ring 3: #13(902) +0",
    ],
    ["INT to an absent gate: #11(482) +0", "INT to an absent gate: #11(902) +0"],
    ["INT to a task gate: #13(482) +0", "INT to a task gate: #13(902) +0"],
    ["INT beyond the table: #13(782) +0", "INT beyond the table: #13(f02) +0"],
    ["#UD to an absent gate: #11(33) +1", "#UD to an absent gate: #11(62) +1"],
    [
      "INT3 to a gate of ring 0, ring 3: #13(1a) +1",
      "INT3 to a gate of ring 0, ring 3: #13(32) +1",
    ],
  ),
  ...deviations(
    "exceptions",
    "MSRs take addresses that are not canonical (SDM volume 2, WRMSR).",
    ["WRMSR, LSTAR not canonical: #13(0) +9", "WRMSR, LSTAR not canonical: ok"],
    ["WRMSR, FS base not canonical: #13(0) +9", "WRMSR, FS base not canonical: ok"],
  ),
  ...deviations(
    "debug",
    "INT1 is undefined (SDM volume 2, INT n).",
    ["INT1: #1 +2", "INT1: #6 +1"],
  ),
  ...deviations(
    "page_faults",
    "A reserved bit leaves P clear (SDM volume 3, 4.7).",
    ["  ring 0: read 9 write b fetch 19", "  ring 0: read 8 write a fetch 18"],
    ["  ring 3: read d write f fetch 1d", "  ring 3: read c write e fetch 1c"],
  ),
  ...deviations(
    "page_faults",
    "SMAP is not there for accesses to descriptor tables (SDM volume 3, 4.6.1).",
    [
      "SMAP, AC set, descriptor table in a user page: #14(1) cr2 80006008 +3",
      "SMAP, AC set, descriptor table in a user page: ok",
    ],
  ),
  ...deviations(
    "segments",
    "The RPL of a null SS is not checked, an absent SS is #NP (SDM volume 2, MOV, IRET).",
    ["SS null with an RPL of 3: #13(0) +5", "SS null with an RPL of 3: ok"],
    ["IRET, SS null with an RPL of 3: #13(0) +17", "IRET, SS null with an RPL of 3: ok"],
    ["IRET, SS absent: #12(50) +17", "IRET, SS absent: #11(50) +17"],
    ["IRET, RIP not canonical: #13(0) +11", "IRET, RIP not canonical: #13(0) elsewhere"],
  ),
  ...deviations(
    "state",
    "MMX leaves exponents alone, the x87 stack never overflows (SDM volume 3, 12.2; volume 1, 8.5.1.1).",
    [
      "MOVQ to MM0: status 0, tags ff, ST0 ffff:1122334455667788",
      "MOVQ to MM0: status 0, tags ff, ST0 0:1122334455667788",
    ],
    [
      "x87 between, MOVD from MM0: status 41, tags ff, ST0 ffff:1122334455667788",
      "x87 between, MOVD from MM0: status 0, tags ff, ST0 0:1122334455667788",
    ],
    [
      "EMMS: status 41, tags 0, ST0 ffff:1122334455667788",
      "EMMS: status 0, tags 0, ST0 0:1122334455667788",
    ],
  ),
  ...deviations(
    "state",
    "MMX does not see a pending exception, SSE has none, MXCSR no reserved bits (SDM volume 1, 11.5).",
    ["the same before MMX: #16 +18", "the same before MMX: ok"],
    ["SSE by zero, unmasked: #19 +30", "SSE by zero, unmasked: ok"],
    ["LDMXCSR of a reserved bit: #13(0) +5", "LDMXCSR of a reserved bit: ok"],
  ),
];

/** What QEMU's processor has not. */
const NO_PCID: Deviation = {
  guest: "page_tables",
  right: [
    "pcid: PCIDE with a PCID in CR3: #13(0) +0",
    "pcid: context 0: 100, new context 1: 101, context 0 forgotten: 101",
    "pcid: bit 63 reads as 0",
    "invpcid: an address: 102, a context: 103, all: 104, all but global: 106",
    "invpcid: type 4: #13(0) +9",
    "invpcid: a PCID of 13 bits: #13(0) +12",
  ].join("\n"),
  here: "pcid: absent",
};
const NO_DEADLINE: Deviation = {
  guest: "timers",
  right: [
    "deadline: reads as written: 1, taken 1, not early: 1, reads 0 then",
    "deadline: one that is past: 1 taken",
    "deadline: disarmed: 0 taken",
    "deadline: HLT until it: 1 taken",
  ].join("\n"),
  here: "deadline: absent",
};

export const DEVIATIONS: Readonly<Record<Processor, readonly Deviation[]>> = {
  soft: [],
  kvm: [
    ...QEMU,
    NO_PCID,
    ...deviations(
      "x2apic",
      "KVM takes any EOI, and its APIC keeps registers while it is off (SDM volume 3, 11.12.1.2, 11.12.5).",
      ["EOI of 1: #13(0) +9", "EOI of 1: ok"],
      ["id 0, SVR ff", "id 0, SVR 1ff"],
    ),
    ...deviations(
      "breakpoints",
      "KVM makes accesses to ports and devices without a look at breakpoints (SDM volume 3, 17.2.4).",
      ["OUT: +2(1); ok", "OUT:; ok"],
      ["REP OUTSB: +13(1, RF) +15(1); ok", "REP OUTSB:; ok"],
      ["IN from the second port of two: +6(1); ok", "IN from the second port of two:; ok"],
      ["a device's register: +9(2); ok", "a device's register:; ok"],
    ),
    ...deviations(
      "breakpoints",
      "A breakpoint that a step has met stays in DR6 (SDM volume 3, 17.2.3).",
      [
        "stepped: +12(4002) +13(4000) +14(4000) +21(4000) +22(4000); ok",
        "stepped: +12(4002) +13(4002) +14(4002) +21(4002) +22(4002); ok",
      ],
    ),
    ...deviations(
      "flags",
      "The lab's processor is AMD's, which has no SYSENTER in 64-bit mode (APM volume 3, SYSENTER).",
      ["SYSENTER without a segment: #13(0) +11", "SYSENTER without a segment: #6 +11"],
      [
        "SYSENTER and SYSEXIT: ok\n" +
        " flags 3, CS 10, SS 18, RSP from the MSR: 1; back: CS 33, SS 3b",
        "SYSENTER and SYSEXIT: #6 +11",
      ],
    ),
    ...deviations(
      "interrupts",
      "SVM's virtual TPR has four bits; KVM forgets the others (SDM volume 3, 11.8.3.1).",
      ["TPR of 75: CR8 7, PPR 75", "TPR of 75: CR8 7, PPR 70"],
    ),
    ...deviations(
      "state",
      "XCR0 does not stay what the guest has set, so that SSE is not saved (SDM volume 1, 13.3).",
      [
        " header 3 0, control 37f, status 3800, XMM5 ffffffffffffffff, behind it aaaaaaaaaaaaaaaa",
        " header 1 0, control 37f, status 3800, XMM5 aaaaaaaaaaaaaaaa, behind it aaaaaaaaaaaaaaaa",
      ],
      [" XMM5 0", " XMM5 ffffffffffffffff"],
    ),
  ],
  tcg: [
    ...QEMU,
    NO_PCID,
    NO_DEADLINE,
    ...deviations(
      "breakpoints",
      "A step and a breakpoint come twice, and B1 stays (SDM volume 3, 17.3.1.4).",
      [
        "stepped: +12(4002) +13(4000) +14(4000) +21(4000) +22(4000); ok",
        "stepped: elsewhere(4002) +12(0) +13(4002) +14(4002) +21(4002) +22(4002); ok",
      ],
      ["REP OUTSB: +13(1, RF) +15(1); ok", "REP OUTSB: +15(1); ok"],
    ),
    ...deviations(
      "exceptions",
      "RF is not set in the image of a fault (SDM volume 3, 17.3.1.1).",
      ["RF in the image of a fault: 1", "RF in the image of a fault: 0"],
    ),
    ...deviations(
      "exceptions",
      "MSRs that are not there read as 0 (SDM volume 2, RDMSR).",
      ["RDMSR, unknown: #13(0) +2", "RDMSR, unknown: ok"],
    ),
  ],
};
