import { generateKeyPairSync } from "crypto";

const { privateKey } = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});

/** A runner with a cache of each kind. */
export const runnersWithCaches: { name: string; cache: object }[] = [
  { name: "in-s3", cache: { shared: true } },
  {
    name: "in-minio",
    cache: {
      type: "minio",
      serverAddress: "minio.example.com:9000",
      bucketName: "runner-cache",
      path: "ci",
    },
  },
  {
    name: "in.gcs",
    cache: { type: "gcs", bucketName: "runner-cache", accessId: "cache@project.iam.gserviceaccount.com" },
  },
  {
    name: "in-azure",
    cache: {
      type: "azure",
      accountName: "runnercache",
      containerName: "runner-cache",
      storageDomain: "blob.core.chinacloudapi.cn",
    },
  },
];

/** Tokens of those runners. */
export const tokensWithCaches: Record<string, string> = {
  "in-s3": "glrt-planted-s3",
  "in-minio": "glrt-planted-minio",
  "in.gcs": "glrt-planted-gcs",
  "in-azure": "glrt-planted-azure",
};

/** Secrets of their caches: one with what means something in TOML, in a shell, in a variable or in a placeholder. */
export const cacheCredentials: Record<string, Record<string, string>> = {
  "in-minio": {
    accessKey: "planted-access-key",
    secretKey:
      'planted """ \' \\ \\u0041 $HOME ${HOME} `id` @@runner-token/in-s3@@ # \t\u0001\u007f é 😀 ]\n[x]\r\n',
  },
  "in.gcs": { privateKey },
  "in-azure": { accountKey: Buffer.from("planted account key").toString("base64") },
};

/** What of those secrets would be found in a text, however it was escaped. */
export const secretParts: string[] = [
  "planted",
  ...privateKey.split("\n").filter((line) => line !== "" && !line.startsWith("-----")),
  cacheCredentials["in-azure"]?.["accountKey"] ?? "",
];
