/** Where a camera's frame is in a stream, as src/sidecar/worker/outputs/layout.py places it. Pure. */

export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The tile of one of so many cameras, to the pixel or two. */
export function tile(index: number, count: number, width: number, height: number): Rectangle {
  const rows = Math.max(1, Math.floor(Math.sqrt(count)));
  const columns = Math.ceil(count / rows);
  const [row, column] = [Math.floor(index / columns), index % columns];
  const left = even((width * column) / columns);
  const top = even((height * row) / rows);
  return {
    x: left,
    y: top,
    width: even((width * (column + 1)) / columns) - left,
    height: even((height * (row + 1)) / rows) - top,
  };
}

/** The largest rectangle of a frame's shape, centred in a tile. */
export function fit(frameWidth: number, frameHeight: number, tile: Rectangle): Rectangle {
  const isWide = frameWidth * tile.height > frameHeight * tile.width;
  const width = isWide ? tile.width : Math.floor((tile.height * frameWidth) / frameHeight);
  const height = isWide ? Math.floor((tile.width * frameHeight) / frameWidth) : tile.height;
  return {
    x: tile.x + Math.floor((tile.width - width) / 4) * 2,
    y: tile.y + Math.floor((tile.height - height) / 4) * 2,
    width,
    height,
  };
}

function even(value: number): number {
  return Math.round(value / 2) * 2;
}
