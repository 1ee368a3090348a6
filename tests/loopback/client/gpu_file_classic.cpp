// RESOURCE_CREATE and the transfers: what virgl contexts use, and native ones do not.
#include "tests/loopback/client/gpu_file.h"

namespace viaduct::loopback {

int GpuFile::on_resource_create(void*) {
    return -EINVAL;
}
int GpuFile::on_transfer_from_host(void*) {
    return -EINVAL;
}
int GpuFile::on_transfer_to_host(void*) {
    return -EINVAL;
}

}  // namespace viaduct::loopback
