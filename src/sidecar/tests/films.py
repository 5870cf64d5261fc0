"""What is in a recording: looked at with FFmpeg, which had no part in making it."""

import json
import subprocess


def probe(path):
    """How many frames can be decoded; length in seconds, None if the file does not say."""
    words = "ffprobe -v error -count_frames -show_entries format=duration,start_time:stream=codec_name,nb_read_frames"
    result = subprocess.run([*words.split(), "-of", "json", path], check=True, stdout=subprocess.PIPE)
    found = json.loads(result.stdout)
    duration = found["format"].get("duration")
    stream = found["streams"][0]
    return {
        "codec": stream["codec_name"],
        "frames": int(stream.get("nb_read_frames", 0)),
        "start": float(found["format"].get("start_time", "nan")),
        "duration": None if duration is None else float(duration),
    }


def pixel(path, x, y, frame=0):
    """Red, green and blue of a pixel of a frame."""
    chosen = "select=eq(n\\,%d),crop=1:1:%d:%d:exact=1" % (frame, x, y)
    command = ["ffmpeg", "-v", "error", "-i", path, "-vf", "format=rgb24," + chosen, "-frames:v", "1"]
    raw = subprocess.run([*command, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], check=True, stdout=subprocess.PIPE)
    return tuple(raw.stdout)


def is_red(colour):
    red, green, blue = colour
    return red > 150 and green < 100 and blue < 100
