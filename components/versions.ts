/** Processor architecture, in Ubuntu's and Docker's spelling. */
export type Architecture = "amd64" | "arm64";

/** A signed package repository: nothing is installed from it unless its key has this fingerprint. */
export interface PackageRepository {
  /** Base address, without the release's name. */
  url: string;

  /** Component of the repository, e.g. "main". */
  component: string;

  /** Where its signing key is fetched from. No copy is kept here, because a key's expiry is extended now and then. */
  keyUrl: string;

  /** Fingerprint of the signing key's primary key: 40 hexadecimal digits. */
  keyFingerprint: string;
}

/** A program that is published as one file for each architecture. */
export interface Download {
  url: string;

  /** SHA-256 of the file, 64 hexadecimal digits. */
  sha256?: string;
}

/** A program that is installed from a download. */
export interface Program {
  /** What the program says for `--version`. */
  version: string;
  downloads: Record<Architecture, Download>;
}

/** A program that is installed from a package repository. */
export interface PackagedProgram {
  version: string;

  /** Debian packages, each with its exact version. */
  packages: string[];
  repository: PackageRepository;
}

/** The Ubuntu release of every machine: bastion, registry mirror and workers. */
export const ubuntu = {
  codename: "noble",

  /**
   * The public SSM parameters that hold the newest image's id.
   * @see https://documentation.ubuntu.com/aws/aws-how-to/instances/find-ubuntu-images/
   */
  imageParameters: {
    amd64: "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id",
    arm64: "/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id",
  } satisfies Record<Architecture, string>,
};

/**
 * The runner manager. Its package requires the helper images' package in exactly its own version.
 * @see https://docs.gitlab.com/runner/install/linux-repository/
 */
export const gitlabRunner: PackagedProgram = {
  version: "19.3.0",
  packages: ["gitlab-runner=19.3.0-1", "gitlab-runner-helper-images=19.3.0-1"],
  repository: {
    url: "https://packages.gitlab.com/runner/gitlab-runner/ubuntu",
    component: "main",
    keyUrl: "https://packages.gitlab.com/runner/gitlab-runner/gpgkey",
    keyFingerprint: "F6403F6544A38863DAA0B6E03F01618A51312F3F",
  },
};

/**
 * GitLab's fork of docker-machine. GitLab publishes no checksum of these files that could be pinned here, so the transport
 * (HTTPS) and the version that the program says it has are all that is verified.
 * @see https://docs.gitlab.com/runner/executors/docker_machine/
 */
export const dockerMachine: Program = {
  version: "0.16.2-gitlab.48",
  downloads: {
    amd64: {
      url: "https://gitlab-docker-machine-downloads.s3.amazonaws.com/v0.16.2-gitlab.48/docker-machine-Linux-x86_64",
    },
    arm64: {
      url: "https://gitlab-docker-machine-downloads.s3.amazonaws.com/v0.16.2-gitlab.48/docker-machine-Linux-aarch64",
    },
  },
};

/**
 * Docker Engine of the workers. Its command line's plugins are left out: jobs bring their own.
 * @see https://docs.docker.com/engine/install/ubuntu/
 */
export const docker: PackagedProgram = {
  version: "29.7.2",
  packages: [
    "docker-ce=5:29.7.2-1~ubuntu.24.04~noble",
    "docker-ce-cli=5:29.7.2-1~ubuntu.24.04~noble",
    "containerd.io=2.3.3-1~ubuntu.24.04~noble",
  ],
  repository: {
    url: "https://download.docker.com/linux/ubuntu",
    component: "stable",
    keyUrl: "https://download.docker.com/linux/ubuntu/gpg",
    keyFingerprint: "9DC858229FC7DD38854AE2D88D81803C0EBFCD88",
  },
};

/**
 * CNCF Distribution, which is both the registry mirror and the layer cache. The checksums are those of its release, which
 * Docker's official image `registry` verifies, too.
 * @see https://github.com/distribution/distribution/releases/tag/v3.1.1
 * @see https://github.com/distribution/distribution-library-image
 */
export const registry: Program = {
  version: "3.1.1",
  downloads: {
    amd64: {
      url: "https://github.com/distribution/distribution/releases/download/v3.1.1/registry_3.1.1_linux_amd64.tar.gz",
      sha256: "6f330a3ba9ea1d23a6ee189f449d792595240585bb2f159123d76ac594f70dd8",
    },
    arm64: {
      url: "https://github.com/distribution/distribution/releases/download/v3.1.1/registry_3.1.1_linux_arm64.tar.gz",
      sha256: "8167316d2b4a57e10d44f8c8a3c75fea5f3ec1c71872760bb903e5e8e52e9ad6",
    },
  },
};
