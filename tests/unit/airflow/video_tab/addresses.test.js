/** Which addresses the page loads, loads only after a click, and never loads. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { permission } from "./addresses.js";

const AIRFLOW = "https://airflow.corp.example/team/";

/** @param {string} expected @param {string} airflow @param {string[]} addresses */
function expectPermission(expected, airflow, addresses) {
  for (const address of addresses)
    it(`is "${expected}" for ${address} from ${airflow}`, () => assert.equal(permission(address, airflow), expected));
}

describe("permission", () => {
  expectPermission("load", AIRFLOW, [
    "https://cdn.gptproto.net/outputs/1.mp4?X-Sig=a%2Fb",
    "http://ark-content.tos-cn-beijing.volces.com/1.mp4",
    "https://my_bucket.s3.amazonaws.com/1.mp4",
    "https://cdn.other.net:8443/1.mp4",
    "https://notcorp.example/1.mp4",
    "https://airflow.corp.example.evil.net/1.mp4",
    "https://evil.net/?x=airflow.corp.example",
    "https://local.evil.net/1.mp4",
    "https://bücher.de/1.mp4",
  ]);

  // The domain of an Airflow at airflow.example.com is example.com.
  expectPermission("load", "https://airflow.example.com/", ["https://notexample.com/1.mp4", "https://example.org/1.mp4"]);
  expectPermission("ask", "https://airflow.example.com/", [
    "https://example.com/1.mp4",
    "https://jira.example.com/logout",
    "https://a.b.example.com/1.mp4",
    "https://airflow.example.com:8443/1.mp4",
  ]);

  expectPermission("refuse", AIRFLOW, [
    "https://airflow.corp.example/team/auth/logout",
    "https://AIRFLOW.corp.example:443/auth/logout",
    "https://airflow.corp%2Eexample/auth/logout",
    "https://airflow.corp\u3002example/auth/logout",
    "http://airflow.corp.example/auth/logout",
    "https://airflow.corp.example./auth/logout",
    "https://user@cdn.net/1.mp4",
    "https://user:password@cdn.net/1.mp4",
    "https://:password@cdn.net/1.mp4",
    "http://[::1]/1.mp4",
    "http://[::ffff:10.0.0.1]/1.mp4",
    "https://a;b.net/1.mp4",
    "https://*.net/1.mp4",
    'https://a"b.net/1.mp4',
    "https://a'b.net/1.mp4",
    "https://a,b.net/1.mp4",
    "ftp://cdn.net/1.mp4",
    "javascript:alert(1)",
    "data:video/mp4;base64,AAAA",
    "blob:https://cdn.net/1",
    "file:///etc/passwd",
    "//cdn.net/1.mp4",
    "/auth/logout",
    "",
  ]);
  expectPermission("refuse", "http://10.1.2.3:8080/", ["http://10.1.2.3:8080/auth/logout", "http://0xA.66051:8080/"]);
  expectPermission("ask", "http://10.1.2.3:8080/", ["http://10.1.2.3:9000/1.mp4", "http://10.1.2.3/1.mp4"]);

  expectPermission("ask", AIRFLOW, [
    "http://127.0.0.1:8080/1.mp4",
    "http://127.1/1.mp4",
    "http://2130706433/1.mp4",
    "http://0x7f000001/1.mp4",
    "http://0177.0.0.1/1.mp4",
    "http://0.0.0.0/1.mp4",
    "http://10.255.0.1/1.mp4",
    "http://172.31.0.1/1.mp4",
    "http://192.168.1.1/cgi-bin/reboot",
    "http://169.254.169.254/latest/meta-data",
    "http://100.64.0.1/1.mp4",
    "http://8.8.8.8/1.mp4",
    "http://localhost:9000/1.mp4",
    "http://api.localhost/1.mp4",
    "http://router/1.mp4",
    "http://printer.local/1.mp4",
    "http://PRINTER.LOCAL/1.mp4",
    "http://metadata.google.internal/1.mp4",
    "http://nas.home.arpa/1.mp4",
    "http://nas.lan/1.mp4",
    "http://wiki.intranet/1.mp4",
    "http://git.corp/1.mp4",
    "https://jira.corp.example/logout",
  ]);
});
