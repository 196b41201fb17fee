/** How full a machine's device queues are: all together, and each when it is opened. */
import type { Schemas } from "../../runtime/api/client.ts";

export function QueueTable({ queues }: { readonly queues: Schemas["MachineActivity"]["queues"] }) {
  const requests = queues.filter(({ input }) => !input);
  const sum = (of: "occupied" | "size") => requests.reduce((sum, queue) => sum + queue[of], 0);
  return (
    <details class="queues">
      <summary>
        <span>device queues, in use</span>
        <span>{sum("occupied")} of {sum("size")}</span>
      </summary>
      <table>
        <thead>
          <tr>
            <th>device</th>
            <th>queue</th>
            <th>holds</th>
            <th class="figure">in use</th>
          </tr>
        </thead>
        <tbody>
          {queues.map(({ device, number, queue, input, size, occupied }) => (
            <tr key={`${device} ${number} ${queue}`}>
              <td>{device} {number}</td>
              <td>{queue}</td>
              <td>{input ? "room for input" : "requests"}</td>
              <td class="figure">{occupied} of {size}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
