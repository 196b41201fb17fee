/**
 * The smallest kernels: each prints what its boot protocol handed over on COM1 and ends itself by
 * the debug-exit port.
 */

/** The same bytes mean the same in 32-bit and in 64-bit code; ebx points at a text. */
const PRINT = [
  ...[0x8a, 0x03], //                   1: mov al, [ebx]
  ...[0x84, 0xc0, 0x74, 0x0a], //          test al, al; jz 2f
  ...[0xba, 0xf8, 0x03, 0x00, 0x00, 0xee], // mov edx, 0x3f8; out dx, al
  ...[0xff, 0xc3, 0xeb, 0xf0], //          inc ebx; jmp 1b; 2:
];
/** out 0xf4, al; jmp . */
const EXIT = [0xe6, 0xf4, 0xeb, 0xfe];

/** Long mode: command line and initrd of the zero page at rsi; the GDT's segments; CS as code. */
export const LONG_MODE_CODE = Uint8Array.from([
  ...[0xb8, 0x18, 0, 0, 0, 0x8e, 0xd8, 0x8e, 0xd0], // mov eax, 0x18; mov ds, eax; mov ss, eax
  ...[0x8b, 0x9e, 0x28, 0x02, 0, 0], // mov ebx, [rsi + 0x228]
  ...PRINT,
  ...[0x8b, 0x9e, 0x18, 0x02, 0, 0], // mov ebx, [rsi + 0x218]
  ...PRINT,
  ...[0x8c, 0xc8], // mov eax, cs
  ...EXIT,
]);

/** PVH: command line and first module of the start info at ebx. */
export const PVH_CODE = Uint8Array.from([
  ...[0x89, 0xde, 0x8b, 0x5e, 0x18], // mov esi, ebx; mov ebx, [esi + 24]
  ...PRINT,
  ...[0x8b, 0x5e, 0x10, 0x8b, 0x1b], // mov ebx, [esi + 16]; mov ebx, [ebx]
  ...PRINT,
  ...[0xb0, 0x07], // mov al, 7
  ...EXIT,
]);

/** Multiboot: the magic in eax as code 0, command line and first module of the info at ebx. */
export const MULTIBOOT_CODE = Uint8Array.from([
  ...[0x89, 0xde, 0x2d, 0x02, 0xb0, 0xad, 0x2b, 0x89, 0xc7], // mov esi, ebx; sub eax, magic; mov edi, eax
  ...[0x8b, 0x5e, 0x10], // mov ebx, [esi + 16]
  ...PRINT,
  ...[0x8b, 0x5e, 0x18, 0x8b, 0x1b], // mov ebx, [esi + 24]; mov ebx, [ebx]
  ...PRINT,
  ...[0x89, 0xf8], // mov eax, edi
  ...EXIT,
]);

/** Maps a page beyond 4 GiB through tables of its own, writes to it and prints what it reads. */
export const HIGH_MEMORY_CODE = Uint8Array.from([
  ...[0x0f, 0x20, 0xd8], // mov rax, cr3
  ...[0xc7, 0x04, 0x25, 0x00, 0x00, 0x20, 0x00, 0x83, 0, 0, 0], // mov dword [0x200000], 0x83
  ...[0xc7, 0x04, 0x25, 0x04, 0x00, 0x20, 0x00, 0x01, 0, 0, 0], // mov dword [0x200004], 1
  ...[0xc7, 0x80, 0x20, 0x10, 0, 0, 0x03, 0x00, 0x20, 0x00], // mov dword [rax + 0x1020], 0x200003
  ...[0x48, 0xbb, 0, 0, 0, 0, 1, 0, 0, 0], // mov rbx, 0x100000000
  ...[0xc6, 0x03, 0x34, 0x8a, 0x03], // mov byte [rbx], '4'; mov al, [rbx]
  ...[0xba, 0xf8, 0x03, 0, 0, 0xee], // mov edx, 0x3f8; out dx, al
  ...EXIT,
]);
