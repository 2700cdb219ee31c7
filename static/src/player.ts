/**
 * The learning page's video: plays HLS by video.js, reports what was really played, and shows
 * at every moment what the server has confirmed, what is on its way and what is missing.
 *
 *   <div data-player data-enrolment="3" data-unit="u2" data-person="7" data-needed="150000"
 *        data-sign-in="/sign-in?next=…">
 *     <div class="learning__stage"><video class="video-js" playsinline></video></div>
 *     <dl> … <dd data-confirmed> <dd data-pending> <dd data-missing> </dl>
 *     <svg data-coverage>                                    the coverage bar
 *     <div data-message hidden> <span data-message-text>
 *       <button data-action="resume">  <a data-action="sign-in">  <button data-action="retry">
 *     <div data-unit-complete hidden> … <div data-course-complete hidden> <p data-award-text>
 *     <script type="application/json" data-words>{…}</script>   texts in the page's language
 *   </div>
 *   … and anywhere in the page: <li data-outline-unit="u2"><span data-unit-state>
 *
 * The page decides nothing: coverage, completion and hours are the server's. See
 * docs/integrator/beats.md for the protocol.
 */
import "./lib/no-dynamic-style";
import videojs from "video.js";
import chinese from "video.js/dist/lang/zh-CN.json";
import { Lease, type Listener, open, type Opened, type Reply, resend } from "./lib/lease";
import { mayHurry, Panel } from "./lib/panel";
import { Problem } from "./lib/problem";
import { fromSeconds, type Spans, total } from "./lib/spans";

const BEAT_EVERY_MS = 10_000;
const KEEP_EVERY_MS = 2_000;
const RATES = [1, 1.25, 1.5, 2];

type VideoPlayer = ReturnType<typeof videojs>;

class LearningPlayer implements Listener {
  readonly #panel: Panel;
  readonly #video: VideoPlayer;
  readonly #data: DOMStringMap;
  #lease: Lease | null = null;
  #confirmed: Spans = [];
  #confirmedMs = 0;
  #durationMs = 0;
  #opening = false;

  constructor(readonly root: HTMLElement) {
    this.#data = root.dataset;
    this.#panel = new Panel(root);
    const english = document.documentElement.lang.startsWith("en");
    videojs.addLanguage("zh-CN", chinese);
    this.#video = videojs(root.querySelector("video") as HTMLVideoElement, {
      controls: true,
      fill: true,
      preload: "auto",
      language: english ? "en" : "zh-CN",
      playbackRates: RATES,
      userActions: { hotkeys: true },
      html5: { vhs: { overrideNative: true }, nativeAudioTracks: false, nativeVideoTracks: false },
    });
    this.#watchVideo();
    this.#watchPage();
  }

  /** Open (or open again) the video, first sending what earlier pages could not. */
  async start(play = false): Promise<void> {
    if (this.#opening) return;
    this.#opening = true;
    try {
      const old = this.#lease;
      const before = this.#video.currentTime() ?? 0;
      await resend(this.#data.person ?? "", null);
      const opened = await open(this.#data.enrolment ?? "", this.#data.unit ?? "");
      this.#use(opened);
      this.#panel.say("");
      if (!old) this.#load(opened);
      else if (this.#video.error()) this.#load({ ...opened, position: before });
      if (play) void this.#video.play();
      else this.#video.paused() || this.#lease?.played.start(before * 1000, performance.now());
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.failed(error);
    } finally {
      this.#opening = false;
    }
  }

  #use(opened: Opened): void {
    this.#durationMs = opened.duration * 1000;
    this.#confirmed = fromSeconds(opened.covered);
    this.#confirmedMs = total(this.#confirmed);
    this.#lease = opened.playback
      ? new Lease(opened.playback, this.#data.person ?? "", opened, this)
      : null;
    this.#draw();
  }

  #load(opened: Opened): void {
    this.#video.src({ src: opened.playlist, type: "application/x-mpegURL" });
    // At the very end there is nothing to resume: begin again from the start.
    const at = opened.position < opened.duration - 2 ? opened.position : 0;
    this.#video.one("loadedmetadata", () => this.#video.currentTime(at));
  }

  // ---- what the server says ------------------------------------------------------------

  replied(reply: Reply): void {
    const lease = this.#lease;
    if (!lease) return;
    this.#confirmed = lease.confirmed;
    this.#confirmedMs = reply.unit.confirmed_ms;
    this.#draw();
    this.#panel.state(reply);
    if (reply.ended === "taken-over") {
      this.#video.pause();
      this.#panel.say(this.#panel.word("taken_over"), "warning", "resume");
    } else if (reply.ended !== null) {
      // The lease ran out in a long silence: a new one, without asking.
      this.#lease = null;
      void this.start(!this.#video.paused());
    } else if (reply.refused_ms >= 1000) {
      const seconds = Math.round(reply.refused_ms / 1000);
      this.#panel.say(this.#panel.word("refused", { seconds }), "info");
    } else {
      this.#panel.say("");
    }
  }

  failed(problem: Problem): void {
    if (problem.status === 0 || problem.status >= 500)
      this.#panel.say(this.#panel.word("unreachable"), "error", "retry");
    else if (problem.status === 401)
      this.#panel.say(this.#panel.word("signed_out"), "error", "sign-in");
    else this.#panel.say(problem.message, "error", "retry");
  }

  // ---- what the video does -------------------------------------------------------------

  #watchVideo(): void {
    const video = this.#video;
    video.on("playing", () => this.#lease?.played.start(this.#positionMs, performance.now()));
    video.on("timeupdate", () => this.#look());
    // `seeking` already shows the target: what is counted ends where it was last seen playing.
    video.on("seeking", () => this.#lease?.played.stop());
    video.on("waiting", () => this.#lease?.played.stop());
    for (const event of ["pause", "ended"])
      video.on(event, () => {
        if (!video.seeking()) this.#look(true);
        this.#lease?.played.stop();
        this.#beat();
      });
    video.on("ratechange", () => this.#limitRate());
    video.on("play", () => {
      // Playing on after another device took over, or after the course's end, is only looking.
      if (this.#lease?.ended === "taken-over") video.pause();
    });
    setInterval(() => this.#regular(), BEAT_EVERY_MS);
    setInterval(() => {
      if (this.#lease && this.#lease.pending.length) this.#lease.keep(this.#positionMs);
    }, KEEP_EVERY_MS);
  }

  #watchPage(): void {
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden") this.#beat(true);
    });
    window.addEventListener("pagehide", () => this.#beat(true));
    window.addEventListener("online", () => this.#beat());
    this.root.querySelector("button[data-action=resume]")?.addEventListener("click", () => {
      void this.start(true);
    });
    this.root.querySelector("button[data-action=retry]")?.addEventListener("click", () => {
      if (this.#lease) this.#beat();
      else void this.start();
    });
  }

  /** Never past the probed length: a slow last frame may be shown for a second beyond it. */
  get #positionMs(): number {
    return Math.min((this.#video.currentTime() ?? 0) * 1000, this.#durationMs || Infinity);
  }

  #look(stopping = false): void {
    const video = this.#video;
    if (!this.#lease || video.seeking() || (video.paused() && !stopping)) return;
    // The last frame's end and the probed length differ by a little: at the end, it is the end.
    const atEnd = video.ended() && this.#durationMs - this.#positionMs < 500;
    const at = atEnd ? this.#durationMs : this.#positionMs;
    this.#lease.played.look(at, performance.now(), video.playbackRate() ?? 1);
    this.#limitRate();
    this.#draw();
  }

  #regular(): void {
    if (!this.#lease) return;
    if (!this.#video.paused() || this.#lease.pending.length) this.#beat();
  }

  #beat(leaving = false): void {
    const lease = this.#lease;
    if (!lease || (leaving && lease.pending.length === 0)) return;
    void lease.beat(this.#positionMs, leaving);
  }

  /** Hurrying through what is not confirmed would be refused: say so and slow down. */
  #limitRate(): void {
    if (!this.#lease || (this.#video.playbackRate() ?? 1) <= 1) return;
    if (mayHurry(this.#confirmed, this.#positionMs)) return;
    this.#video.playbackRate(1);
    this.#panel.say(this.#panel.word("too_fast"), "info");
  }

  #draw(): void {
    const pending = this.#lease?.pending ?? [];
    this.#panel.times(this.#confirmedMs, total(pending), Number(this.#data.needed ?? 0));
    this.#panel.bar(this.#confirmed, pending, this.#positionMs, this.#durationMs);
  }
}

for (const root of document.querySelectorAll<HTMLElement>("[data-player]"))
  void new LearningPlayer(root).start();
