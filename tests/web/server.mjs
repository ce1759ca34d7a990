// A server of the test's own: free port, data in a folder that goes away, limits short enough to watch.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

const BINARY = resolve(process.env.FORAGER_BINARY ?? '../../build/release/forager');
const BASE = '/v1/admin/collection';
const START_MS = 20_000;
const STOP_MS = 30_000;

const CONFIG = `max_running = 6
[defaults]
heartbeat_timeout = "4s"
grace = "1s"
backoff = "2s"
`;

export class Server {
  static async start(settings = '') {
    const server = new Server();
    server.home = mkdtempSync(join(tmpdir(), 'forager-web-'));
    writeFileSync(join(server.home, 'forager.toml'), settings + CONFIG);
    await server.run('127.0.0.1:0');
    server.token = readFileSync(join(server.home, 'admin.token'), 'utf8').trim();
    return server;
  }

  run(listen) {
    const args = ['serve', '--self-test', '--listen', listen, '--data-dir', this.home];
    this.process = spawn(BINARY, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    this.exited = new Promise((done) => this.process.once('exit', done));
    return new Promise((done, fail) => {
      const timer = setTimeout(() => fail(new Error('The server did not say that it listens')), START_MS);
      this.process.once('error', fail);
      createInterface({ input: this.process.stdout }).on('line', (line) => {
        this.url = /listening on (\S+)/.exec(line)?.[1] ?? this.url;
        this.login = /log in at (\S+)/.exec(line)?.[1] ?? this.login;
        if (line.startsWith('log in at')) {
          clearTimeout(timer);
          done();
        }
      });
    });
  }

  async stop() {
    this.process.kill('SIGTERM');
    const timer = setTimeout(() => this.process.kill('SIGKILL'), STOP_MS);
    await this.exited;
    clearTimeout(timer);
  }

  async end() {
    await this.stop();
    rmSync(this.home, { recursive: true, force: true });
  }

  async ask(method, path, body) {
    const response = await fetch(this.url + BASE + path, {
      method,
      headers: { Authorization: `Bearer ${this.token}`, 'Content-Type': 'application/json' },
      body: body ? JSON.stringify(body) : undefined,
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${answer.detail}`);
    return answer;
  }

  async submit(job_type, more = {}) {
    return (await this.ask('POST', '/jobs', { entity_type: 'selftest', job_type, ...more })).job_id;
  }

  async begin(job_type, more = {}) {
    const id = await this.submit(job_type, more);
    await this.ask('POST', `/jobs/${id}/start`);
    return id;
  }

  // Runs it to its end: the API itself waits.
  async finish(job_type, more = {}) {
    const id = await this.submit(job_type, more);
    await this.ask('POST', `/jobs/${id}/execute?wait=30`);
    return id;
  }
}
