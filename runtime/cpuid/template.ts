/**
 * CPUID templates: leaves laid over what KVM supports. What the runtime itself knows stays its own:
 * APIC ids and topology follow from the number of vCPUs, whatever a template says.
 */
import { z } from "zod";

const WORD_MAX = 2 ** 32 - 1, ALL_BITS = WORD_MAX;

const wordSchema = z.union([
  z.int().min(0).max(WORD_MAX),
  z.string().regex(/^0[xX][0-9a-fA-F]{1,8}$/, "write a number or 0x and hexadecimal digits"),
]).transform(Number);

/** A value for all 32 bits, or for those of a mask. */
const registerSchema = z.union([
  wordSchema.transform((value) => ({ value, mask: ALL_BITS })),
  z.strictObject({ value: wordSchema, mask: wordSchema }),
]);

const leafSchema = z.strictObject({
  leaf: wordSchema,
  subleaf: wordSchema.default(0),
  eax: registerSchema.optional(),
  ebx: registerSchema.optional(),
  ecx: registerSchema.optional(),
  edx: registerSchema.optional(),
});

/** A template as a file holds it. */
export const cpuidTemplateSchema = z.strictObject({
  /** What it is for, in a sentence. */
  policy: z.string().optional(),
  leaves: z.array(leafSchema).max(64),
});

/** A CPUID template. */
export type CpuidTemplate = z.output<typeof cpuidTemplateSchema>;

/** A leaf as the stub takes it: which one, four values, and which bits of them count. */
export type LeafWords = readonly number[];

/**
 * A leaf for the stub.
 *
 * @param registers values of eax to edx; absent ones stay as they are
 */
export function leafWords(
  leaf: number,
  subleaf: number,
  registers: readonly ({ value: number; mask: number } | undefined)[],
): LeafWords {
  return [
    leaf,
    subleaf,
    ...registers.map((register) => register?.value ?? 0),
    ...registers.map((register) => register?.mask ?? 0),
  ];
}

/** A leaf of which every bit is given. */
export function wholeLeaf(leaf: number, ...values: [number, number, number, number]): LeafWords {
  return leafWords(leaf, 0, values.map((value) => ({ value, mask: ALL_BITS })));
}

/** The leaves of a template for the stub. */
export function templateLeaves({ leaves }: CpuidTemplate): LeafWords[] {
  return leaves.map(({ leaf, subleaf, eax, ebx, ecx, edx }) =>
    leafWords(leaf, subleaf, [eax, ebx, ecx, edx])
  );
}
