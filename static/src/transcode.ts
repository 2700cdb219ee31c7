// How far the work on videos is, while their author looks on.
//
//   <div data-transcode data-asset="7"> [data-percent] <progress> [data-standing] </div>
//
// With data-refines the video can be played already and lower qualities follow: the page stays as it
// is when they are there, since its author may be watching.
const POLL_MS = 1500;

type Asset = {
  state: string;
  progress: number;
  standing: string;
  refining: string | null;
  refined: number | null;
};

async function follow(box: HTMLElement): Promise<void> {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    const response = await fetch(`/api/v1/assets/${box.dataset.asset}`).catch(() => null);
    if (!response?.ok) continue;
    const asset = (await response.json()) as Asset;
    if ("refines" in box.dataset) {
      if (asset.refining !== "waiting" && asset.refining !== "working") return void (box.hidden = true);
      asset.progress = asset.refined ?? 0;
    } else if (asset.state !== "uploaded" && asset.state !== "transcoding") return location.reload();
    box.querySelector("progress")!.value = asset.progress;
    box.querySelector("[data-percent]")!.textContent = `${asset.progress}%`;
    const standing = box.querySelector("[data-standing]")!;
    // Said once: it is read out when it changes.
    if (standing.textContent !== asset.standing) standing.textContent = asset.standing;
  }
}

for (const box of document.querySelectorAll<HTMLElement>("[data-transcode]")) void follow(box);
