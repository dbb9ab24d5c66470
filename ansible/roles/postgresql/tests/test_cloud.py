"""What goes over the wire to AWS, and what becomes of answers that fail or never come."""

import http.server
import os
import threading
import time
import unittest
import urllib.parse
from unittest import mock

import cluster
from infra_postgresql import cloud

DESCRIBED = """<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><reservationSet><item><instancesSet><item>
<instanceId>i-1</instanceId><instanceState><code>64</code><name>stopping</name></instanceState>
<tagSet><item><key>fenced</key><value>2</value></item></tagSet></item></instancesSet></item></reservationSet></DescribeInstancesResponse>"""
REFUSED = "<Response><Errors><Error><Code>%s</Code><Message>no</Message></Error></Errors></Response>"


class Aws(http.server.BaseHTTPRequestHandler):
    """Answers every call as the test planned, after a delay."""

    requests, status, answer, delay = [], 200, "<Done/>", 0.0

    def do_POST(self):
        length = int(self.headers["Content-Length"])
        type(self).requests.append(dict(urllib.parse.parse_qsl(self.rfile.read(length).decode())))
        time.sleep(type(self).delay)
        body = type(self).answer.encode()
        self.send_response(type(self).status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Calls(unittest.TestCase):
    def setUp(self):
        Aws.requests, Aws.status, Aws.answer, Aws.delay = [], 200, "<Done/>", 0.0
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Aws)
        server.handle_error = lambda *_: None  # a client that hung up
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        environment = mock.patch.dict(os.environ, {
            "AWS_ENDPOINT_URL": "http://127.0.0.1:%d" % server.server_address[1], "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "NO_PROXY": "127.0.0.1"})
        environment.start()
        self.addCleanup(environment.stop)
        self.settings = cluster.make()
        self.cloud = cloud.Cloud(self.settings)
        self.primary = self.settings.node(1)

    def test_a_stop_cuts_the_power(self):
        self.cloud.stop(self.primary)
        asked = Aws.requests[0]
        self.assertEqual((asked["Action"], asked["InstanceId.1"], asked["Force"], asked["SkipOsShutdown"]), ("StopInstances", "i-1", "true", "true"))

    def test_an_orderly_stop_does_not(self):
        self.cloud.stop(self.primary)
        self.cloud.stop(self.primary, at_once=False)
        self.assertNotIn("Force", Aws.requests[1])
        self.assertNotIn("SkipOsShutdown", Aws.requests[1])

    def test_the_mark(self):
        self.cloud.mark(self.primary, 2)
        self.cloud.unmark(self.primary)
        self.assertEqual([(asked["Action"], asked["ResourceId.1"], asked["Tag.1.Key"]) for asked in Aws.requests],
                         [("CreateTags", "i-1", "fenced"), ("DeleteTags", "i-1", "fenced")])
        self.assertEqual(Aws.requests[0]["Tag.1.Value"], "2")

    def test_instances(self):
        Aws.answer = DESCRIBED
        found = self.cloud.instances(self.settings.data_nodes)
        self.assertEqual(list(found), [1])
        self.assertEqual((found[1].state, found[1].fenced, found[1].down), ("stopping", "2", False))

    def test_a_refusal_is_no_timeout(self):
        Aws.status, Aws.answer = 403, REFUSED % "UnauthorizedOperation"
        with self.assertRaises(cloud.CloudError) as raised:
            self.cloud.mark(self.primary, 2)
        self.assertFalse(raised.exception.timeout)

    def test_silence_is_a_timeout_and_patience_helps(self):
        Aws.delay = 1.5
        with self.assertRaises(cloud.CloudError) as raised:
            cloud.Cloud(self.settings, patience=0.3).unmark(self.primary)
        self.assertTrue(raised.exception.timeout)
        api = cloud.Cloud(self.settings, patience=0.3)
        for _ in range(8):
            api = api.more_patient()
        self.assertEqual(api.patience, 20)
        api.unmark(self.primary)

    def test_nobody_listens(self):
        with mock.patch.dict(os.environ, {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}), self.assertRaises(cloud.CloudError):
            cloud.Cloud(self.settings).instances(self.settings.nodes)

    def test_a_rehearsal_passes_only_by_the_answer_that_says_so(self):
        Aws.status, Aws.answer = 412, REFUSED % "DryRunOperation"
        self.cloud.rehearse(self.primary)
        self.assertEqual({asked["DryRun"] for asked in Aws.requests}, {"true"})
        Aws.status, Aws.answer = 403, REFUSED % "UnauthorizedOperation"
        with self.assertRaises(cloud.CloudError):
            self.cloud.rehearse(self.primary)

    def test_an_address_moves_whoever_has_it(self):
        self.cloud.take_address("eipalloc-1", self.settings.me)
        asked = Aws.requests[0]
        self.assertEqual((asked["Action"], asked["AllocationId"], asked["InstanceId"], asked["AllowReassociation"]),
                         ("AssociateAddress", "eipalloc-1", "i-2", "true"))


if __name__ == "__main__":
    unittest.main()
