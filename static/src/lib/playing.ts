/** Let a video play. Being refused (no gesture yet) or overtaken by a pause is no fault of the page:
 * the bar shows what it is doing, and whoever watches can press play. */
export function play(video: { play(): Promise<void> | undefined }): void {
  void video.play()?.catch(() => undefined);
}
