/** The figures of an experiment, each with its files. */
import type { Schemas } from "../../runtime/api/client.ts";
import { FigureFilesIsland } from "./islands.ts";

export interface PicturesProps {
  readonly figures: Schemas["Figures"]["figures"];
  /** With what names of files begin. */
  readonly file: string;
}

export function Pictures({ figures, file }: PicturesProps) {
  return (
    <div class="pictures">
      {figures.map(({ title, svg }, i) => (
        <figure class="card" key={i}>
          <div
            class="scroll"
            tabIndex={0}
            role="region"
            aria-label={title}
            dangerouslySetInnerHTML={{ __html: svg }}
          />
          <FigureFilesIsland title={title} file={`${file}-${i + 1}`} />
        </figure>
      ))}
    </div>
  );
}
