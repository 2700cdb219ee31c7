import videojs from "video.js";
import { remember, remembered, savesData, type VideoPlayer, type Word } from "./extras";

interface Level {
  height?: number;
  enabled: boolean;
}
interface Levels extends ArrayLike<Level> {
  on(event: string, listener: () => void): void;
}
/** The highest that is played by itself to who saves data. */
const SPARING_HEIGHT = 480;
const AUTO = "auto";

type Part = {
  new (...args: any[]): any;
};
const MenuButton = videojs.getComponent("MenuButton") as unknown as Part;
const MenuItem = videojs.getComponent("MenuItem") as unknown as Part;

class QualityItem extends MenuItem {
  choice: string;
  constructor(player: VideoPlayer, options: { label: string; choice: string; choose: (to: string) => void }) {
    super(player, { ...options, selectable: true, multiSelectable: false });
    this.choice = options.choice;
  }
  handleClick(): void {
    this.options_.choose(this.choice);
  }
}

class QualityButton extends MenuButton {
  buildCSSClass(): string {
    return `quality-button ${super.buildCSSClass()}`;
  }
  createItems(): QualityItem[] {
    const { items = [], choose } = this.options_;
    return items.map(
      (each: { label: string; choice: string }) => new QualityItem(this.player_, { ...each, choose }),
    );
  }
}
videojs.registerComponent("QualityButton", QualityButton as never);

/** A menu of the heights that a video has, when there are several; what was chosen is remembered. */
export function qualities(video: VideoPlayer, word: Word): void {
  const levels = (video as unknown as { qualityLevels(): Levels }).qualityLevels();
  let button: any = null;
  let shown = "";
  let chosen = remembered("quality") || AUTO;

  const heights = () =>
    [...new Set(Array.from(levels, (level) => level.height ?? 0))].filter(Boolean).sort((a, b) => b - a);

  const apply = () => {
    const all = heights();
    const fixed = all.find((height) => String(height) === chosen);
    const sparing = all.filter((height) => height <= SPARING_HEIGHT);
    const allowed = fixed ? [fixed] : savesData() && sparing.length ? sparing : all;
    for (const level of Array.from(levels)) level.enabled = allowed.includes(level.height ?? 0);
    const now = fixed ? chosen : AUTO;
    for (const item of button?.items ?? []) item.selected(item.choice === now);
    const label = fixed ? `${fixed}p` : word("auto");
    const place = button?.$(".vjs-icon-placeholder");
    if (place) place.textContent = label;
    button?.controlText(`${word("quality")}：${label}`);
  };
  const choose = (to: string) => {
    chosen = to;
    remember("quality", to);
    apply();
  };
  const build = () => {
    const all = heights();
    if (all.join() !== shown) {
      shown = all.join();
      const bar = video.getChild("ControlBar");
      if (button) bar?.removeChild(button);
      button = null;
      if (all.length > 1) {
        const items = [AUTO, ...all.map(String)].map((choice) => ({
          choice,
          label: choice === AUTO ? word("auto") : `${choice}p`,
        }));
        const before = bar?.children().findIndex((each) => each.name() === "PictureInPictureToggle") ?? -1;
        const at = before < 0 ? (bar?.children().length ?? 0) : before;
        button = bar?.addChild("QualityButton", { items, choose } as never, at);
      }
    }
    apply();
  };
  levels.on("addqualitylevel", build);
  levels.on("removequalitylevel", build);
}
