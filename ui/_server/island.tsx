/** What stands on a page for an island: its first rendering, its name and its properties. */
import type { ComponentType } from "preact";

/**
 * Makes a component whose rendering the browser takes over.
 *
 * @param name its key in `islands/mod.ts`
 */
export function island<Props extends object>(name: string, Content: ComponentType<Props>) {
  return (props: Props) => (
    <div data-island={name} data-props={JSON.stringify(props)}>
      <Content {...props} />
    </div>
  );
}
