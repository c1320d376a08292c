// Bundles static/src into static/dist and holds the size limits. `node static/build.mjs`
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const LIMITS = { "app.js": 100 * 1024, "app.css": 15 * 1024 };

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

await build({
  entryPoints: { "app": here("src/js/app.js") },
  outdir: here("dist"),
  bundle: true,
  format: "esm",
  minify: true,
  target: ["es2022"],
  legalComments: "none",
});
await build({
  entryPoints: { "app": here("src/css/app.css") },
  outdir: here("dist"),
  bundle: true,
  minify: true,
  target: ["chrome111", "firefox113", "safari16.4"],
});

for (const [name, limit] of Object.entries(LIMITS)) {
  const size = gzipSync(readFileSync(here(`dist/${name}`)), { level: 9 }).length;
  console.log(`${name}: ${size} bytes gzipped of ${limit}`);
  if (size > limit) throw new Error(`${name} is over its limit`);
}
