// tus-js-client as others use it: node tus_client.mjs ADDRESS TOKEN FILE '{"parallelUploads": 3, …}'
// Prints the address, and what the server said that it became; with "noting", refusals before.
import { createReadStream } from "node:fs";
import { PassThrough } from "node:stream";
import { Upload } from "tus-js-client";

const [endpoint, token, path, options] = process.argv.slice(2);
let became = null;
const { noting, ...chosen } = JSON.parse(options);
// Whose length is not known is a stream: of a file the client promises more than its last piece has.
const content = chosen.uploadLengthDeferred ? createReadStream(path).pipe(new PassThrough()) : createReadStream(path);
const upload = new Upload(content, {
  endpoint,
  headers: { Authorization: `Bearer ${token}` },
  metadata: { filename: "讲座.mp4" },
  retryDelays: [0, 100, 500],
  onAfterResponse: (_request, response) => {
    if (noting && response.getStatus() >= 400) console.log(response.getStatus());
    became = response.getHeader("Zhixin-Asset") ?? response.getHeader("Zhixin-File") ?? became;
  },
  onError: (error) => { console.error(String(error)); process.exit(1); },
  onSuccess: () => console.log(JSON.stringify({ url: upload.url, became })),
  ...chosen,
});
upload.start();
