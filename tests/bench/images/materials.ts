import {
  createReadStream,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "fs";
import { homedir } from "os";
import { join } from "path";
import { startHttpServer, type HttpServer } from "../../tools/http-server";
import { requireProgram } from "../../tools/programs";
import { runNow } from "./processes";

/** What the builds need from outside, kept from run to run. */
const folder = join(
  process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"),
  "gitlab-runner-fleet/bench-images",
);

/** Debian packages that an application with native modules needs, and the article's one. */
const debianPackages = { application: ["python3", "make", "g++"], article: ["jq", "libjq1", "libonig5"] };

const manifest = {
  name: "application",
  version: "1.0.0",
  private: true,
  scripts: { build: "tsc --outDir distribution" },
  dependencies: { express: "5.1.0", yaml: "2.9.1", zod: "4.6.7" },
  devDependencies: {
    "@types/express": "5.0.3",
    "@types/node": "20.19.43",
    eslint: "10.15.0",
    jest: "30.5.2",
    prettier: "3.10.1",
    typescript: "5.9.3",
    "typescript-eslint": "8.73.0",
    webpack: "5.101.3",
  },
};

interface Lock {
  packages: Record<string, { integrity?: string; resolved?: string }>;
}

/** Base images' files, package servers' files. */
export class Materials {
  private constructor(private readonly server: HttpServer) {}

  /** Downloads what is not there yet, with this machine's own apt-get and npm, and serves it. */
  static async prepare(): Promise<Materials> {
    if (!existsSync(folder)) {
      const work = `${folder}.new`;
      rmSync(work, { recursive: true, force: true });
      mkdirSync(work, { recursive: true });
      downloadDebian(work);
      downloadNpm(work);
      renameSync(work, folder);
    }
    return new Materials(
      await startHttpServer((request, response) => {
        const file = join(folder, decodeURIComponent(request.url ?? "/"));
        if (existsSync(file) && statSync(file).isFile()) {
          response.writeHead(200, { "Content-Length": statSync(file).size });
          createReadStream(file).pipe(response);
        } else {
          response.writeHead(404).end();
        }
      }),
    );
  }

  /** Where the packages are, e.g. "http://127.0.0.1:34567". */
  get url(): string {
    return this.server.url;
  }

  /** A Debian without anything, and Node in it. */
  readonly debianBase = join(folder, "debian.tar");

  /** The application's `package.json` and `package-lock.json`. */
  get npmFiles(): Record<string, string> {
    const lock = JSON.parse(readFileSync(join(folder, "npm/package-lock.json"), "utf8")) as Lock;
    for (const item of Object.values(lock.packages)) {
      const [algorithm, digest] = item.integrity?.split("-", 2) ?? [];
      if (algorithm === undefined || digest === undefined) continue;
      const hash = Buffer.from(digest, "base64").toString("hex");
      // npm's own cache, which keeps archives by digest.
      const kept = [
        "npm/cache/_cacache/content-v2",
        algorithm,
        hash.slice(0, 2),
        hash.slice(2, 4),
        hash.slice(4),
      ];
      item.resolved = `${this.url}/${kept.join("/")}`;
    }
    return { "package.json": JSON.stringify(manifest), "package-lock.json": JSON.stringify(lock) };
  }

  /** What a shell runs in an image without package manager to install the article's package. */
  get articleInstall(): string {
    const files = readdirSync(join(folder, "debian")).filter((file) =>
      debianPackages.article.some((name) => file.startsWith(`${name}_`)),
    );
    return files
      .map(
        (file) =>
          `wget -q ${this.url}/debian/${encodeURIComponent(file)} -O /package.deb && dpkg-deb -x /package.deb / `,
      )
      .join("&& ");
  }

  async stop(): Promise<void> {
    await this.server.stop();
  }
}

function downloadDebian(work: string): void {
  const root = join(work, "root");
  const packages = join(work, "debian");
  mkdirSync(join(packages, "partial"), { recursive: true });
  runNow(requireProgram("debootstrap"), "--variant=minbase", "bookworm", root);
  const options = [`Dir::State::status=${root}/var/lib/dpkg/status`, `Dir::Cache::archives=${packages}`];
  runNow(
    "apt-get",
    ...options.flatMap((option) => ["--option", option]),
    ...["--download-only", "--yes", "--no-install-recommends", "install"],
    ...debianPackages.application,
    ...debianPackages.article,
  );
  rmSync(join(packages, "partial"), { recursive: true });
  rmSync(join(packages, "lock"), { force: true });
  writeFileSync(
    join(packages, "Packages"),
    runNow("bash", "-c", 'cd "$0" && apt-ftparchive packages .', packages),
  );
  const node = runNow("bash", "-c", 'readlink --canonicalize "$(type -P node)"').trim();
  const npm = join(runNow("npm", "root", "--global").trim(), "npm");
  runNow("install", "-D", "--target-directory", join(root, "usr/bin"), node);
  runNow("mkdir", "--parents", join(root, "usr/lib/node_modules"));
  runNow("cp", "--archive", npm, join(root, "usr/lib/node_modules"));
  runNow("ln", "--symbolic", "../lib/node_modules/npm/bin/npm-cli.js", join(root, "usr/bin/npm"));
  runNow(
    "rm",
    "--recursive",
    "--force",
    ...["var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale", "usr/share/man"].map(
      (path) => join(root, path),
    ),
  );
  runNow("tar", "--create", "--directory", root, "--file", join(work, "debian.tar"), ".");
  rmSync(root, { recursive: true });
}

function downloadNpm(work: string): void {
  const application = join(work, "npm");
  mkdirSync(application);
  writeFileSync(join(application, "package.json"), JSON.stringify(manifest));
  runNow(
    "npm",
    "install",
    "--prefix",
    application,
    "--cache",
    join(application, "cache"),
    "--ignore-scripts",
  );
  rmSync(join(application, "node_modules"), { recursive: true });
}
