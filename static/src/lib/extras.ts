import videojs from "video.js";

export type VideoPlayer = ReturnType<typeof videojs>;
export type Word = (key: string, values?: Record<string, string | number>) => string;

/** A choice that this browser remembers; a browser that keeps nothing forgets it. */
export function remembered(name: string): string {
  try {
    return localStorage.getItem(`zhixin-${name}`) ?? "";
  } catch {
    return "";
  }
}

export function remember(name: string, value: string): void {
  try {
    localStorage.setItem(`zhixin-${name}`, value);
  } catch {
    // Private windows: it holds for this page.
  }
}

/** Whoever asks for less data gets less, unless they chose otherwise. */
export function savesData(): boolean {
  const connection = (navigator as Navigator & { connection?: { saveData?: boolean } }).connection;
  return connection?.saveData === true;
}

/** The bar on which one seeks, as an element. */
export function seekBar(video: VideoPlayer): HTMLElement | null {
  return video.el().querySelector<HTMLElement>(".vjs-progress-holder");
}
