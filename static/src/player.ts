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
 *     <section data-prompt hidden> …                         see lib/prompt.ts
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
import { chapters } from "./lib/chapters";
import { savesData } from "./lib/extras";
import { Hover } from "./lib/hover";
import { keys } from "./lib/keys";
import { choose, Lease, type Listener, open, type Opened, type Reply, resend } from "./lib/lease";
import { clock, mayHurry, Panel } from "./lib/panel";
import { play } from "./lib/playing";
import { Problem } from "./lib/problem";
import { PromptBox } from "./lib/prompt";
import { qualities } from "./lib/quality";
import { fromSeconds, type Spans, total } from "./lib/spans";
import { Stops } from "./lib/stops";
import { watermark } from "./lib/watermark";

/** Ten seconds, a fifth more or less by chance: thousands of players must not beat in step. */
const beatAfterMs = () => 8_000 + Math.random() * 4_000;
const KEEP_EVERY_MS = 2_000;
/** Segments that the server does not know to have sent are fetched again after this long. */
const UNDELIVERED_MS = 30_000;
/** A video that fails is opened again by itself at most this often. */
const REOPEN_EVERY_MS = 60_000;
/**
 * How far ahead (s) media is fetched, growing while it plays: enough for minutes without
 * network at the bit rates of lectures, and below what browsers let a page keep (about 150 MB).
 */
const BUFFER_S = 120;
const MOST_BUFFER_S = 600;
/** The same for who asks to save data: little is fetched that is never watched. */
const SPARING_BUFFER_S = 30;
const RATES = [0.75, 1, 1.25, 1.5, 2];

type VideoPlayer = ReturnType<typeof videojs>;

interface Start {
  play?: boolean | "as-before";
  takeOver?: boolean;
  at?: number;
}

class LearningPlayer implements Listener {
  readonly #panel: Panel;
  readonly #video: VideoPlayer;
  readonly #data: DOMStringMap;
  #lease: Lease | null = null;
  #confirmed: Spans = [];
  #confirmedMs = 0;
  #durationMs = 0;
  /** The fastest at which parts that are not confirmed yet are counted. */
  #rate = 1;
  #opening = false;
  /** What of earlier pages will never be counted, in words. */
  #lost = "";
  #reopenedAt = -Infinity;
  #undeliveredSince: number | null = null;
  #unreachableSince: Date | null = null;
  readonly #prompt: PromptBox;
  readonly #hover: Hover;
  readonly #stops: Stops;
  #listening = false;

  constructor(readonly root: HTMLElement) {
    this.#data = root.dataset;
    this.#panel = new Panel(root);
    this.#prompt = new PromptBox(
      root.querySelector("[data-prompt]") as HTMLElement,
      (key, values) => this.#panel.word(key, values),
      (prompt, choice) => choose(this.#lease?.playback ?? "", prompt, choice),
      () => this.#video.pause(),
      () => this.#present(),
    );
    const vhs = (videojs as unknown as { Vhs: Record<string, number> }).Vhs;
    vhs.GOAL_BUFFER_LENGTH = savesData() ? SPARING_BUFFER_S : BUFFER_S;
    vhs.MAX_GOAL_BUFFER_LENGTH = savesData() ? SPARING_BUFFER_S : MOST_BUFFER_S;
    const english = document.documentElement.lang.startsWith("en");
    videojs.addLanguage("zh-CN", chinese);
    this.#video = videojs(root.querySelector("video") as HTMLVideoElement, {
      controls: true,
      fill: true,
      preload: "auto",
      language: english ? "en" : "zh-CN",
      playbackRates: RATES,
      // lib/hover.ts says the time under the pointer, with its picture.
      controlBar: { progressControl: { seekBar: { mouseTimeDisplay: false } } },
      // lib/keys.ts has them for the whole page, with a switch.
      userActions: { hotkeys: false },
      // A name over the picture would be gone in a window of its own.
      disablePictureInPicture: Boolean(this.#data.watermark),
      html5: { vhs: { overrideNative: true, enableLowInitialPlaylist: true }, nativeAudioTracks: false, nativeVideoTracks: false },
    });
    const word = (key: string, values?: Record<string, string | number>) => this.#panel.word(key, values);
    qualities(this.#video, word);
    chapters(root, this.#video);
    keys(root, this.#video);
    this.#hover = new Hover(root, this.#video);
    this.#stops = new Stops(root, this.#video, word, () => this.#beat(), (judged) => this.#panel.state(judged),
      (missing) => (this.#panel.stopsMissing = missing));
    if (this.#data.watermark) watermark(this.#video, this.#data.watermark);
    this.#watchVideo();
    this.#watchPage();
  }

  /**
   * Open (or open again) the video, first sending what earlier pages could not. Addresses belong
   * to one playback, so the video is loaded anew, at `at` (s) or where it is.
   */
  async start(options: Start = {}): Promise<void> {
    if (this.#opening) return;
    this.#opening = true;
    try {
      const leaving = this.#lease;
      // An open lease reports by itself: two reports under one number would contradict each other.
      await leaving?.beat(this.#positionMs);
      await this.#resend(leaving?.ended === null ? leaving.playback : null);
      const { enrolment = "", unit = "" } = this.#data;
      const opened = await open(enrolment, unit, options.takeOver ?? false);
      // Meanwhile it played on, or was paused, or moved.
      this.#look();
      void leaving?.beat(this.#positionMs);
      const goOn = options.play === "as-before" ? !this.#video.paused() : options.play;
      const at = options.at ?? (leaving ? this.#video.currentTime() : undefined);
      this.#use(opened);
      this.#panel.say(this.#lost);
      this.#load({ ...opened, position: at ?? opened.position });
      this.#asked(opened.prompt);
      await this.#stops.refresh();
      if (goOn) play(this.#video);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.failed(error);
    } finally {
      this.#opening = false;
    }
  }

  /** Send what earlier pages could not; time that will never be counted is told, whatever comes. */
  async #resend(except: string | null): Promise<void> {
    for (const { ms, why } of await resend(this.#data.person ?? "", except))
      this.#lost += `${this.#panel.word("lost", { time: clock(ms), why })} `;
  }

  #use(opened: Opened): void {
    this.#durationMs = opened.duration * 1000;
    this.#rate = opened.rate_percent / 100;
    this.#confirmed = fromSeconds(opened.covered);
    this.#confirmedMs = total(this.#confirmed);
    this.#lease = opened.playback
      ? new Lease(opened.playback, this.#data.person ?? "", opened, this)
      : null;
    this.#draw();
  }

  #load(opened: Opened): void {
    const listen = this.root.querySelector<HTMLElement>("[data-listen]");
    if (listen) listen.hidden = !opened.sound;
    this.#listening &&= opened.sound !== null;
    this.root.classList.toggle("is-listening", this.#listening);
    const playlist = (this.#listening && opened.sound) || opened.playlist;
    this.#hover.use(opened.previews);
    this.#video.src({ src: playlist, type: "application/x-mpegURL" });
    // At the very end there is nothing to resume: begin again from the start.
    const at = opened.position < opened.duration - 2 ? opened.position : 0;
    this.#video.one("loadedmetadata", () => this.#video.currentTime(at));
  }

  // ---- what the server says ------------------------------------------------------------

  replied(reply: Reply, lease: Lease): void {
    if (lease !== this.#lease) return; // the last report of one that was left
    this.#unreachableSince = null;
    this.#confirmed = lease.confirmed;
    // Of two replies on their way the older may come last.
    this.#confirmedMs = Math.max(this.#confirmedMs, reply.unit.confirmed_ms);
    this.#draw();
    this.#panel.state(reply);
    this.#asked(reply.prompt);
    if (reply.ended === "taken-over") {
      this.#video.pause();
      this.#panel.say(this.#panel.word("taken_over"), "warning", "resume");
    } else if (reply.ended === "left") {
      this.#video.pause();
      this.#panel.say(this.#panel.word("left"), "warning");
    } else if (reply.ended !== null) {
      // Closed, as a page that is left does: whoever comes back to it gets a new one.
      void this.start({ play: "as-before" });
    } else {
      this.#refused(reply);
    }
  }

  /** Why something is not counted (yet), in words; and what the page itself can do about it. */
  #refused(reply: Reply): void {
    if (reply.reason !== "not-delivered") this.#undeliveredSince = null;
    if (reply.refused_ms < 1000 || reply.reason === "presence") return this.#panel.say("");
    const seconds = Math.round(reply.refused_ms / 1000);
    if (reply.reason === "not-delivered") {
      this.#undeliveredSince ??= performance.now();
      if (performance.now() - this.#undeliveredSince > UNDELIVERED_MS) {
        this.#undeliveredSince = null;
        this.#panel.say(this.#panel.word("undelivered", { seconds }), "info");
        this.#reopen((this.#lease?.pending[0]?.[0] ?? 0) / 1000);
      }
      return;
    }
    const why = reply.reason === "too-scattered" ? "too_scattered" : "refused";
    this.#panel.say(this.#panel.word(why, { seconds }), "info");
  }

  failed(problem: Problem): void {
    if (problem.status === 0 || problem.status >= 500) {
      this.#unreachableSince ??= new Date();
      const since = this.#unreachableSince.toLocaleTimeString([], { timeStyle: "short" });
      const kept = clock(total(this.#lease?.pending ?? []));
      this.#panel.say(this.#panel.word("unreachable", { since, kept }), "error", "retry");
    } else if (problem.status === 401)
      this.#panel.say(this.#panel.word("signed_out"), "error", "sign-in");
    else if (problem.code === "playing-elsewhere") {
      const device = String(problem.facts.device || this.#panel.word("another_device"));
      const seconds = Number(problem.facts.heard_s ?? 0);
      const where = this.#panel.word("elsewhere", { device, seconds });
      this.#panel.say(where, "warning", "resume");
    } else this.#panel.say(problem.message, "error", "retry");
  }

  #asked(prompt: Opened["prompt"]): void {
    if (prompt && this.#video.isFullscreen()) void this.#video.exitFullscreen();
    if (prompt && document.pictureInPictureElement) void document.exitPictureInPicture();
    this.#prompt.show(prompt);
  }

  /** The prompt was answered: what played meanwhile is claimed at once, and it plays on. */
  #present(): void {
    this.#panel.say(this.#panel.word("present"), "success");
    play(this.#video);
    // What earlier pages had played before the prompt waited for this too.
    void this.#resend(this.#lease?.playback ?? null).then(() => {
      if (this.#lost) this.#panel.say(this.#lost);
      this.#beat();
    });
  }

  /** The server may be reached again: what waits goes there, or the video is opened at last. */
  #again(): void {
    if (this.#lease) this.#beat();
    else void this.start();
  }

  #reopen(at?: number): void {
    if (performance.now() - this.#reopenedAt < REOPEN_EVERY_MS) return;
    this.#reopenedAt = performance.now();
    void this.start({ play: true, ...(at === undefined ? {} : { at }) });
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
      if (this.#prompt.lapsed) {
        video.pause();
        this.#prompt.focus();
      }
    });
    // An address that ran out in a long pause, a segment that is gone: open again, once.
    video.on("error", () => this.#reopen());
    const regularly = () => {
      this.#regular();
      setTimeout(regularly, beatAfterMs());
    };
    setTimeout(regularly, beatAfterMs());
    setInterval(() => {
      if (this.#lease && this.#lease.pending.length) this.#lease.keep(this.#positionMs);
    }, KEEP_EVERY_MS);
  }

  #watchPage(): void {
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden") this.#beat(true);
    });
    // By `fetch` with `keepalive`, which outlives the page as a beacon does, and unlike it can
    // carry the CSRF header. Phones freeze pages without hiding them first; that event stays at
    // the document.
    window.addEventListener("pagehide", () => this.#beat(true));
    document.addEventListener("freeze", () => this.#beat(true));
    window.addEventListener("online", () => this.#again());
    this.root.querySelector("button[data-action=resume]")?.addEventListener("click", () => {
      void this.start({ play: true, takeOver: true });
    });
    this.root.querySelector("[data-listen] input")?.addEventListener("change", (event) => {
      this.#listening = (event.target as HTMLInputElement).checked;
      void this.start({ play: "as-before" });
    });
    this.root.querySelector("button[data-action=retry]")?.addEventListener("click", () => this.#again());
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
    if (!this.#lease || (this.#video.playbackRate() ?? 1) <= this.#rate) return;
    if (mayHurry(this.#confirmed, this.#positionMs)) return;
    this.#video.playbackRate(this.#rate);
    this.#panel.say(this.#panel.word("too_fast", { rate: this.#rate }), "info");
  }

  #draw(): void {
    const pending = this.#lease?.pending ?? [];
    this.#panel.times(this.#confirmedMs, total(pending), Number(this.#data.needed ?? 0));
    this.#panel.bar(this.#confirmed, pending, this.#positionMs, this.#durationMs);
  }
}

for (const root of document.querySelectorAll<HTMLElement>("[data-player]"))
  void new LearningPlayer(root).start();
