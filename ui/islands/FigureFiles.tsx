/** Saves the figure beside it as a file. */

export interface FigureFilesProps {
  /** Of the figure. */
  readonly title: string;
  /** The file's name, without what stands for its type. */
  readonly file: string;
}

export function FigureFiles({ title, file }: FigureFilesProps) {
  const save = async (format: "Svg" | "Png", { currentTarget }: Event) => {
    const picture = (currentTarget as Element).closest("figure")!.querySelector("svg")!;
    const files = await import("./figure_file.ts");
    await files[`save${format}`](picture, file);
  };
  return (
    <div class="actions">
      {(["Svg", "Png"] as const).map((format) => (
        <button
          key={format}
          type="button"
          aria-label={`${format.toUpperCase()} of ${title}`}
          onClick={(event) => void save(format, event)}
        >
          {format.toUpperCase()}
        </button>
      ))}
    </div>
  );
}
