"""What `python -m unittest` runs: here, and on every commit before the image is built."""

import threading
import unittest
import urllib.request

from hello import MESSAGE
from hello.answers import answer
from hello.server import Server


class TestAnswers(unittest.TestCase):
    def test_the_front_page_says_the_message(self) -> None:
        status, text = answer("GET", "/")
        self.assertEqual(status, 200)
        self.assertIn(MESSAGE, text)

    def test_an_unknown_page_is_not_found(self) -> None:
        self.assertEqual(answer("GET", "/nothing")[0], 404)


class TestServer(unittest.TestCase):
    def test_it_answers_over_http(self) -> None:
        server = Server("127.0.0.1", 0, answer)
        running = threading.Thread(target=server.run)
        running.start()
        self.addCleanup(running.join)
        self.addCleanup(server.stop)
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/healthz", timeout=5) as response:
            self.assertEqual(response.read(), b"ok\n")


if __name__ == "__main__":
    unittest.main()
