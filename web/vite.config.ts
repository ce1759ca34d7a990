import { readdirSync, readFileSync } from 'node:fs';
import { defineConfig, type Plugin } from 'vite';

// `npm run dev` works against a server of yours: FORAGER_URL=http://127.0.0.1:8080 npm run dev
const server = process.env.FORAGER_URL ?? 'http://127.0.0.1:8080';

// The letters of the first paint come with the page, not after its style sheet.
function preloadFont(): Plugin {
  return {
    name: 'preload-font',
    transformIndexHtml: {
      order: 'post',
      handler(_, { bundle }) {
        const font = Object.keys(bundle ?? {}).find((name) => /inter-latin-wght-normal.*\.woff2$/.test(name));
        if (!font) return [];
        const attrs = { rel: 'preload', href: `./${font}`, as: 'font', type: 'font/woff2', crossorigin: '' };
        return [{ tag: 'link', attrs, injectTo: 'head' }];
      },
    },
  };
}

// What the bundle is made of asks to be named wherever it goes.
function licences(): Plugin {
  return {
    name: 'licences',
    generateBundle() {
      const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: object };
      const names = [...Object.keys(dependencies), 'scheduler', '@tanstack/query-core', '@tanstack/virtual-core'];
      const texts = names.sort().map((name) => {
        const folder = `node_modules/${name}`;
        const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
        if (!file) this.error(`${name} has no licence file`);
        return `${name}\n${'='.repeat(name.length)}\n\n${readFileSync(`${folder}/${file}`, 'utf8').trim()}\n`;
      });
      this.emitFile({ type: 'asset', fileName: 'licences.txt', source: texts.join('\n\n') });
    },
  };
}

export default defineConfig({
  base: './', // of the page's <base>, which the server sets
  esbuild: { jsx: 'automatic' },
  plugins: [preloadFont(), licences()],
  build: {
    target: 'es2023',
    assetsInlineLimit: 0, // the content security policy allows no inline data but pictures
    modulePreload: { polyfill: false },
    rollupOptions: {
      // "use client" speaks to servers that render React; there is none here.
      onwarn: (warning, warn) => warning.code !== 'MODULE_LEVEL_DIRECTIVE' && warn(warning),
    },
  },
  server: { proxy: { '/v1': server, '/login': server, '/docs': server } },
});
