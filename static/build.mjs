// Builds static/dist: scripts and styles with content-hashed names, the icon sprite,
// fonts for certificates, and manifest.json that maps plain names to hashed ones.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";

const src = "static/src";
const dist = "static/dist";

// Interface icons beside those of the fields (static/icons.json: field code → icon name).
const fieldIcons = JSON.parse(readFileSync("static/icons.json", "utf8"));
const uiIcons = [
  "arrow-down", "arrow-up", "award", "book-open", "check", "chevron-left", "chevron-right",
  "circle-alert", "circle-check", "circle-x", "clipboard-check", "clock", "download", "eye",
  "file-text", "graduation-cap", "history", "info", "languages", "layout-list", "link", "list-filter",
  "list-checks", "lock", "log-out", "menu", "minus", "monitor-play", "pause", "pencil", "play", "plus",
  "rotate-ccw", "scroll-text", "search", "settings", "shield-check", "stamp", "sun-moon",
  "trash-2", "triangle-alert", "upload", "user", "users", "video", "x",
];

function symbol(id, icon) {
  const svg = readFileSync(`node_modules/lucide-static/icons/${icon}.svg`, "utf8");
  const inner = svg.replace(/<!--[\s\S]*?-->/g, "").replace(/^[\s\S]*?<svg[^>]*>/, "").replace(/<\/svg>[\s\S]*$/, "");
  return `<symbol id="${id}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round">${inner.trim()}</symbol>`;
}

function hashed(name, content) {
  const digest = createHash("sha256").update(content).digest("hex").slice(0, 10);
  const [stem, extension] = [name.slice(0, name.lastIndexOf(".")), name.slice(name.lastIndexOf("."))];
  return `${stem}-${digest}${extension}`;
}

mkdirSync(join(dist, "fonts"), { recursive: true });

// KaTeX names each of its fonts in three formats; every browser served here reads the first.
const onlyWoff2 = {
  name: "only-woff2",
  setup(build) {
    build.onLoad({ filter: /katex[\\/]dist[\\/]fonts[\\/].*\.woff$/ }, () => ({ contents: "", loader: "empty" }));
  },
};

const manifest = {};
const entries = readdirSync(src).filter((name) => name.endsWith(".ts")).map((name) => join(src, name));
const result = await build({
  entryPoints: [...entries, "static/css/app.css", "static/css/video.css", "static/css/math.css"],
  outdir: dist,
  entryNames: "[name]-[hash]",
  chunkNames: "chunk-[hash]",
  assetNames: "[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  // Safari before 15 has faults in destructuring that esbuild can't work around.
  target: ["es2020", "chrome90", "safari15", "firefox90"],
  minify: true,
  metafile: true,
  plugins: [onlyWoff2],
  loader: { ".woff2": "file", ".svg": "dataurl", ".woff": "dataurl", ".eot": "empty", ".ttf": "empty" },
  legalComments: "none",
  logLevel: "warning",
  logLimit: 10,
});
const kept = new Set([".gitkeep", "fonts", "manifest.json", ...Object.keys(result.metafile.outputs).map((file) => basename(file))]);
for (const [file, output] of Object.entries(result.metafile.outputs)) {
  if (!output.entryPoint) continue;
  const extension = file.endsWith(".css") ? ".css" : ".js";
  manifest[basename(output.entryPoint).replace(/\.(ts|css)$/, extension)] = basename(file);
}

function put(name, content) {
  kept.add(name);
  writeFileSync(join(dist, name), content);
}

const symbols = [
  ...Object.entries(fieldIcons).map(([code, icon]) => symbol(`field-${code}`, icon)),
  ...uiIcons.map((icon) => symbol(icon, icon)),
];
const sprite = `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>`;
manifest["icons.svg"] = hashed("icons.svg", sprite);
put(manifest["icons.svg"], sprite);

for (const name of readdirSync("static/img")) {
  const content = readFileSync(join("static/img", name));
  manifest[name] = hashed(name, content);
  put(manifest[name], content);
}

// The certificate's fonts: embedded in PDFs, never sent to browsers as web fonts. Names may have
// characters that the first lacks: those of plane 2 that the others draw (𠮷 and some 2,000).
for (const family of ["noto-sans-sc", "noto-sans", "noto-sans-hk", "noto-sans-jp"])
  for (const weight of ["400Regular", "700Bold"]) {
    const folder = join("node_modules/@expo-google-fonts", family, weight);
    for (const name of readdirSync(folder))
      if (name.endsWith(".ttf")) copyFileSync(join(folder, name), join(dist, "fonts", name));
  }

// Texts lie there compressed as well: the player has 175 kB and not 716. Once built, never again
// while serving (zhixin.pages hands them out).
for (const name of [...kept].filter((each) => /\.(js|css|svg)$/.test(each))) {
  const content = readFileSync(join(dist, name));
  if (content.length < 1024) continue;
  put(`${name}.gz`, gzipSync(content, { level: 9 }));
  put(`${name}.br`, brotliCompressSync(content));
}

// The new names are announced once all of them are there; only then do the old files go. A
// build that fails leaves the last one in service.
writeFileSync(join(dist, "manifest.json.new"), JSON.stringify(manifest, null, 2));
renameSync(join(dist, "manifest.json.new"), join(dist, "manifest.json"));
for (const name of readdirSync(dist)) if (!kept.has(name)) rmSync(join(dist, name), { recursive: true });
