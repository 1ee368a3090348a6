"""The screen that a VNC server shows (RFC 6143): a client that can do just that."""

import socket
import struct

RAW, DESKTOP_SIZE = 0, -223


class Screen:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.read(12)
        self.socket.sendall(b"RFB 003.008\n")
        self.read(self.read(1)[0])
        self.socket.sendall(b"\1")  # no authentication
        assert self.read(4) == bytes(4)
        self.socket.sendall(b"\1")
        self.width, self.height = struct.unpack(">HH", self.read(4))
        self.read(16)
        self.read(*struct.unpack(">I", self.read(4)))
        # Pixels as in memory: blue, green, red, unused.
        self.socket.sendall(struct.pack(">BxxxBBBBHHHBBBxxx", 0, 32, 24, 0, 1, 255, 255, 255, 16, 8, 0))
        self.socket.sendall(struct.pack(">BxHii", 2, 2, RAW, DESKTOP_SIZE))

    def close(self):
        self.socket.close()

    def read(self, size):
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                raise RuntimeError("the VNC server is gone")
            data += more
        return data

    def pixels(self):
        """The whole screen, row by row."""
        self.socket.sendall(struct.pack(">BBHHHH", 3, 0, 0, 0, self.width, self.height))
        screen = bytearray(self.width * self.height * 4)
        while True:
            kind = self.read(1)[0]
            if kind == 3:  # a clipboard
                self.read(3)
                self.read(*struct.unpack(">I", self.read(4)))
            if kind != 0:
                continue
            (rectangles,) = struct.unpack(">xH", self.read(3))
            for _ in range(rectangles):
                x, y, width, height, encoding = struct.unpack(">HHHHi", self.read(12))
                if encoding == DESKTOP_SIZE:
                    self.width, self.height = width, height
                    return self.pixels()
                for row in range(y, y + height):
                    at = (row * self.width + x) * 4
                    screen[at:at + width * 4] = self.read(width * 4)
            return bytes(screen)
