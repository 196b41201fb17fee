/** Whether the processor delivers a guest's interrupts by itself. */

/** Modules of KVM, the parameter that says so, and what it stands for. */
const SOURCES = [
  { file: "/sys/module/kvm_intel/parameters/enable_apicv", name: "APICv" },
  { file: "/sys/module/kvm_amd/parameters/avic", name: "AVIC" },
] as const;

function textOf(file: string): string {
  try {
    return Deno.readTextFileSync(file).trim();
  } catch {
    return ""; // another kind of processor, or no module
  }
}

/**
 * What delivers interrupts without exits.
 *
 * @param read the text of a parameter's file, empty when it is not there
 * @returns undefined when each interrupt costs the guest an exit
 */
export function exitlessInterrupts(
  read: (file: string) => string = textOf,
): "APICv" | "AVIC" | undefined {
  return SOURCES.find(({ file }) => ["Y", "1"].includes(read(file)))?.name;
}
