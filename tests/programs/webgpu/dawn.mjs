// node dawn.mjs PATH-OF-npm's-package-webgpu
import {pathToFileURL} from 'node:url';
import {run} from './squares.mjs';

const {create, globals} = await import(pathToFileURL(process.argv[2]));
await run(create(['backend=vulkan']), globals.GPUBufferUsage, globals.GPUMapMode,
          text => console.log(text));
process.exit(0);
