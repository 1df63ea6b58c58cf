"""What `python -m unittest` runs: here, and on every commit before the image is built."""

import threading
import unittest
import urllib.request

from hello import MESSAGE
from hello.answers import answer
from hello.server import Handler, Server


class TestAnswers(unittest.TestCase):
    def test_the_front_page_says_the_message(self) -> None:
        status, text = answer("/")
        self.assertEqual(status, 200)
        self.assertIn(MESSAGE, text)

    def test_an_unknown_page_is_not_found(self) -> None:
        self.assertEqual(answer("/nothing")[0], 404)


class TestServer(unittest.TestCase):
    def test_it_answers_over_http(self) -> None:
        with Server(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever).start()
            self.addCleanup(server.shutdown)
            url = f"http://127.0.0.1:{server.server_port}/healthz"
            with urllib.request.urlopen(url, timeout=5) as response:
                self.assertEqual(response.read(), b"ok\n")


if __name__ == "__main__":
    unittest.main()
