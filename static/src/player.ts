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
import { choose, Lease, type Listener, open, type Opened, type Reply, resend } from "./lib/lease";
import { clock, mayHurry, Panel } from "./lib/panel";
import { Problem } from "./lib/problem";
import { PromptBox } from "./lib/prompt";
import { fromSeconds, type Spans, total } from "./lib/spans";

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
  /** The fastest at which parts that are not confirmed yet are counted. */
  #rate = 1;
  #opening = false;
  #reopenedAt = -Infinity;
  #undeliveredSince: number | null = null;
  #unreachableSince: Date | null = null;
  readonly #prompt: PromptBox;

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
    vhs.GOAL_BUFFER_LENGTH = BUFFER_S;
    vhs.MAX_GOAL_BUFFER_LENGTH = MOST_BUFFER_S;
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

  /**
   * Open (or open again) the video, first sending what earlier pages could not. Addresses belong
   * to one playback, so the video is loaded anew, at `at` (s) or where it is.
   */
  async start(options: { play?: boolean; takeOver?: boolean; at?: number } = {}): Promise<void> {
    if (this.#opening) return;
    this.#opening = true;
    try {
      const before = this.#lease ? this.#video.currentTime() : undefined;
      await resend(this.#data.person ?? "", null);
      const { enrolment = "", unit = "" } = this.#data;
      const opened = await open(enrolment, unit, options.takeOver ?? false);
      this.#use(opened);
      this.#panel.say("");
      this.#load({ ...opened, position: options.at ?? before ?? opened.position });
      this.#asked(opened.prompt);
      if (options.play) void this.#video.play();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.failed(error);
    } finally {
      this.#opening = false;
    }
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
    this.#video.src({ src: opened.playlist, type: "application/x-mpegURL" });
    // At the very end there is nothing to resume: begin again from the start.
    const at = opened.position < opened.duration - 2 ? opened.position : 0;
    this.#video.one("loadedmetadata", () => this.#video.currentTime(at));
  }

  // ---- what the server says ------------------------------------------------------------

  replied(reply: Reply): void {
    const lease = this.#lease;
    if (!lease) return;
    this.#unreachableSince = null;
    this.#confirmed = lease.confirmed;
    this.#confirmedMs = reply.unit.confirmed_ms;
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
      void this.start({ play: !this.#video.paused() });
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
    this.#prompt.show(prompt);
  }

  /** The prompt was answered: what played meanwhile is claimed at once, and it plays on. */
  #present(): void {
    this.#panel.say(this.#panel.word("present"), "success");
    void this.#video.play();
    // What earlier pages had played before the prompt waited for this too.
    void resend(this.#data.person ?? "", this.#lease?.playback ?? null).then(() => this.#beat());
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
    // carry the CSRF header. Phones freeze pages without hiding them first.
    for (const event of ["pagehide", "freeze"])
      window.addEventListener(event, () => this.#beat(true));
    window.addEventListener("online", () => this.#beat());
    this.root.querySelector("button[data-action=resume]")?.addEventListener("click", () => {
      void this.start({ play: true, takeOver: true });
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
