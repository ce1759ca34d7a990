import { defineConfig } from 'vite';

// `npm run dev` works against a server of yours: FORAGER_URL=http://127.0.0.1:8080 npm run dev
const server = process.env.FORAGER_URL ?? 'http://127.0.0.1:8080';

export default defineConfig({
  esbuild: { jsx: 'automatic' },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0, // the content security policy allows no inline data but pictures
    modulePreload: { polyfill: false },
    rollupOptions: {
      // "use client" speaks to servers that render React; there is none here.
      onwarn: (warning, warn) => warning.code !== 'MODULE_LEVEL_DIRECTIVE' && warn(warning),
    },
  },
  server: { proxy: { '/v1': server, '/login': server, '/docs': server } },
});
