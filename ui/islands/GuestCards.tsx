/** Every machine, and a form for a new one. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { createClient, type Schemas } from "../../runtime/api/client.ts";
import { GuestCard } from "./GuestCard.tsx";
import { machineStates, watchRuntime } from "./live.ts";
import { NewGuest } from "./NewGuest.tsx";

type Vm = Schemas["Vm"];

export interface GuestCardsProps {
  readonly guests: Schemas["Guests"];
}

/** A machine that has just ended tells how only when it has given everything back, milliseconds. */
const END_TOLD_MS = 100;

const api = createClient();

const endsYet = ({ state, end }: Vm) => !end && (state === "stopped" || state === "failed");

export function GuestCards({ guests }: GuestCardsProps) {
  const vms = useSignal<readonly Vm[]>([]);
  const notice = useSignal("");
  useEffect(watchRuntime, []);
  const read = async () => {
    const { data } = await api.GET("/api/vms");
    if (!data) return;
    vms.value = data;
    if (data.some(endsYet)) setTimeout(() => void read(), END_TOLD_MS);
  };
  const states = machineStates.value;
  useEffect(() => void read(), [states]);
  const told = (problem: string) => {
    notice.value = problem;
    void read();
  };
  return (
    <div>
      <NewGuest guests={guests} told={told} />
      <p class="notice bad" role="status">{notice.value}</p>
      {vms.value.length === 0 && <p class="quiet">No machine yet.</p>}
      <div class="cards">
        {vms.value.map((vm) => <GuestCard key={vm.id} vm={vm} told={told} />)}
      </div>
    </div>
  );
}
