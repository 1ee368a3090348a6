// A small WebGPU program: names the adapter, and squares numbers in a compute shader. For Dawn in
// node (dawn.mjs) and for a browser (page.html).
const kCode = `
@group(0) @binding(0) var<storage, read_write> values: array<u32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
    if (id.x < arrayLength(&values)) { values[id.x] *= values[id.x]; }
}`;

async function squares(device, usage, mapMode, count) {
    const size = count * 4;
    const storage = device.createBuffer({
        size, usage: usage.STORAGE | usage.COPY_SRC | usage.COPY_DST});
    const readback = device.createBuffer({size, usage: usage.COPY_DST | usage.MAP_READ});
    device.queue.writeBuffer(storage, 0, Uint32Array.from({length: count}, (_, index) => index));
    const pipeline = device.createComputePipeline({
        layout: 'auto', compute: {module: device.createShaderModule({code: kCode})}});
    const bindings = device.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: [{binding: 0, resource: {buffer: storage}}]});
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindings);
    pass.dispatchWorkgroups(Math.ceil(count / 64));
    pass.end();
    encoder.copyBufferToBuffer(storage, 0, readback, 0, size);
    device.queue.submit([encoder.finish()]);
    await readback.mapAsync(mapMode.READ);
    return new Uint32Array(readback.getMappedRange().slice(0));
}

export async function run(gpu, usage, mapMode, print) {
    const adapter = await gpu.requestAdapter();
    if (!adapter) throw new Error('there is no WebGPU adapter');
    const {vendor, architecture, device: name, description} = adapter.info;
    print(`adapter: ${vendor} | ${architecture} | ${name} | ${description}`);
    print(`features: ${[...adapter.features].sort().join(' ')}`);
    for (const limit of Object.keys(Object.getPrototypeOf(adapter.limits)).sort())
        print(`${limit}: ${adapter.limits[limit]}`);
    const device = await adapter.requestDevice();
    const count = 1000;
    const results = await squares(device, usage, mapMode, count);
    const wrong = results.findIndex((value, index) => value !== index * index);
    if (wrong >= 0) throw new Error(`the square of ${wrong} is ${results[wrong]}`);
    print(`${count} squares are right`);
    device.destroy();
}
