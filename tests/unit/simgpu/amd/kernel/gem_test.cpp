// Buffers, their sharing, and their place in the address space.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "blob/memfd.h"
#include "tests/unit/simgpu/amd/kernel/test_file.h"

namespace simgpu::test {
namespace {

constexpr uint64_t kGemVa = 0x10000000;
constexpr uint32_t kRead = AMDGPU_VM_PAGE_READABLE;

int export_fd(TestFile& file, uint32_t handle, viaduct::UniqueFd* fd) {
    drm_prime_handle args{};
    args.handle = handle;
    args.flags = DRM_CLOEXEC | DRM_RDWR;
    const int result = file.ioctl(DRM_IOCTL_PRIME_HANDLE_TO_FD, &args);
    if (result == 0) fd->reset(args.fd);
    return result;
}

int import_fd(TestFile& file, int fd, uint32_t* handle) {
    drm_prime_handle args{};
    args.fd = fd;
    const int result = file.ioctl(DRM_IOCTL_PRIME_FD_TO_HANDLE, &args);
    if (result == 0) *handle = args.handle;
    return result;
}

TEST(Gem, CreateRefusesWhatTheKernelRefuses) {
    TestFile file;
    uint32_t handle = 0;
    EXPECT_EQ(file.create(0, &handle), -EINVAL);
    EXPECT_EQ(file.create(4096, &handle, 0x100), -EINVAL) << "unknown domain";
    EXPECT_EQ(file.create(4096, &handle, AMDGPU_GEM_DOMAIN_GTT, 1ull << 40), -EINVAL);
    for (const uint64_t size : {1ull << 46, 1ull << 62, ~0ull, ~0ull - 4095})
        EXPECT_EQ(file.create(size, &handle), -ENOMEM) << size;
    EXPECT_EQ(handle, 0u);
}

TEST(Gem, CpuMappingsShowZeroedWholePages) {
    TestFile file;
    uint32_t handle = 0;
    ASSERT_EQ(file.create(0x2c0, &handle), 0);
    const auto mapping = file.cpu_map(handle);
    ASSERT_EQ(mapping.size(), 4096u);
    for (const std::byte byte : mapping.bytes()) ASSERT_EQ(byte, std::byte{0});
    drm_amdgpu_gem_create_in info{};
    drm_amdgpu_gem_op op{};
    op.handle = handle;
    op.op = AMDGPU_GEM_OP_GET_GEM_CREATE_INFO;
    op.value = address_of(&info);
    ASSERT_EQ(file.ioctl(DRM_IOCTL_AMDGPU_GEM_OP, &op), 0);
    EXPECT_EQ(info.bo_size, 4096u);
    EXPECT_EQ(info.domains, uint64_t{AMDGPU_GEM_DOMAIN_GTT});
}

TEST(Gem, MmapOffsetsReachIntoBuffersAndNoFurther) {
    TestFile file;
    uint32_t a = 0, b = 0;
    ASSERT_EQ(file.create(8192, &a), 0);
    ASSERT_EQ(file.create(4096, &b), 0);
    drm_amdgpu_gem_mmap args{};
    args.in.handle = a;
    ASSERT_EQ(file.ioctl(DRM_IOCTL_AMDGPU_GEM_MMAP, &args), 0);
    const uint64_t offset = args.out.addr_ptr;
    EXPECT_EQ(file.file().map_source(offset + 4096)->offset, 4096u);
    EXPECT_EQ(file.file().map_source(0).error(), EINVAL);
    EXPECT_EQ(file.file().map_source(offset + (1 << 20)).error(), EINVAL);
    ASSERT_EQ(file.gem_close(a), 0);
    EXPECT_EQ(file.file().map_source(offset).error(), EINVAL);
    args.in.handle = a;
    EXPECT_EQ(file.ioctl(DRM_IOCTL_AMDGPU_GEM_MMAP, &args), -ENOENT);
    EXPECT_EQ(file.gem_close(a), -EINVAL);
    ASSERT_EQ(file.create(4096, &a, AMDGPU_GEM_DOMAIN_VRAM, AMDGPU_GEM_CREATE_NO_CPU_ACCESS), 0);
    args.in.handle = a;
    EXPECT_EQ(file.ioctl(DRM_IOCTL_AMDGPU_GEM_MMAP, &args), -EPERM);
}

TEST(Gem, MetadataIsKeptAndBounded) {
    TestFile file;
    uint32_t handle = 0;
    ASSERT_EQ(file.create(4096, &handle), 0);
    drm_amdgpu_gem_metadata args{};
    args.handle = handle;
    args.op = AMDGPU_GEM_METADATA_OP_SET_METADATA;
    args.data.data_size_bytes = 257;
    EXPECT_EQ(file.ioctl(DRM_IOCTL_AMDGPU_GEM_METADATA, &args), -EINVAL);
    args.data.data_size_bytes = 256;
    args.data.tiling_info = 0x1234;
    args.data.data[63] = 99;
    EXPECT_EQ(file.ioctl(DRM_IOCTL_AMDGPU_GEM_METADATA, &args), 0);
    args = {};
    args.handle = handle;
    args.op = AMDGPU_GEM_METADATA_OP_GET_METADATA;
    EXPECT_EQ(file.ioctl(DRM_IOCTL_AMDGPU_GEM_METADATA, &args), 0);
    EXPECT_EQ(args.data.tiling_info, 0x1234u);
    EXPECT_EQ(args.data.data_size_bytes, 256u);
    EXPECT_EQ(args.data.data[63], 99u);
}

TEST(Gem, UserMemoryIsUsedInPlaceAndNotShared) {
    TestFile file;
    void* memory =
        ::mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    const viaduct::Mapping owner(memory, 8192);
    drm_amdgpu_gem_userptr args{};
    args.addr = address_of(memory);
    args.size = 8192;
    EXPECT_EQ(file.ioctl(DRM_IOCTL_AMDGPU_GEM_USERPTR, &args), -EACCES) << "writable: register";
    args.flags = AMDGPU_GEM_USERPTR_REGISTER | AMDGPU_GEM_USERPTR_ANONONLY;
    args.addr += 1;
    EXPECT_EQ(file.ioctl(DRM_IOCTL_AMDGPU_GEM_USERPTR, &args), -EINVAL);
    args.addr -= 1;
    ASSERT_EQ(file.ioctl(DRM_IOCTL_AMDGPU_GEM_USERPTR, &args), 0);
    EXPECT_EQ(file.map(args.handle, kGemVa, 8192), 0);
    viaduct::UniqueFd fd;
    EXPECT_EQ(export_fd(file, args.handle, &fd), -EPERM);
    args.addr = 0x1000;
    EXPECT_EQ(file.ioctl(DRM_IOCTL_AMDGPU_GEM_USERPTR, &args), -EFAULT) << "nothing there";
}

TEST(Prime, OneBufferHasOneHandlePerFile) {
    TestFile a, b;
    const TestBuffer buffer = a.buffer(kGemVa);
    viaduct::UniqueFd fd;
    ASSERT_EQ(export_fd(a, buffer.handle, &fd), 0);
    uint32_t again = 0, first = 0, second = 0;
    ASSERT_EQ(import_fd(a, fd.get(), &again), 0);
    EXPECT_EQ(again, buffer.handle);
    ASSERT_EQ(import_fd(b, fd.get(), &first), 0);
    const viaduct::UniqueFd copy = fd.duplicate();
    ASSERT_EQ(import_fd(b, copy.get(), &second), 0);
    EXPECT_EQ(first, second);
    buffer.words()[3] = 77;
    EXPECT_EQ(reinterpret_cast<uint32_t*>(b.cpu_map(first).data())[3], 77u);
    ASSERT_EQ(a.gem_close(buffer.handle), 0);
    EXPECT_EQ(reinterpret_cast<uint32_t*>(b.cpu_map(first).data())[3], 77u) << "lives on";
}

TEST(Prime, RefusesWhatCannotBeShared) {
    TestFile file;
    uint32_t local = 0, handle = 0;
    ASSERT_EQ(file.create(4096, &local, AMDGPU_GEM_DOMAIN_VRAM, AMDGPU_GEM_CREATE_VM_ALWAYS_VALID),
              0);
    viaduct::UniqueFd fd;
    EXPECT_EQ(export_fd(file, local, &fd), -EPERM);
    EXPECT_EQ(export_fd(file, 99, &fd), -ENOENT);
    EXPECT_EQ(import_fd(file, -1, &handle), -EBADF);
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const viaduct::UniqueFd reader(ends[0]), writer(ends[1]);
    EXPECT_EQ(import_fd(file, reader.get(), &handle), -EINVAL);
    const viaduct::UniqueFd directory(::open("/", O_RDONLY));
    EXPECT_EQ(import_fd(file, directory.get(), &handle), -EINVAL);
}

TEST(Prime, ForeignMemfdsBecomeBuffersAndKeepTheirSize) {
    TestFile file;
    const auto sealed = viaduct::create_sealed_memfd("foreign", 8192 + 100);
    uint32_t handle = 0;
    ASSERT_EQ(import_fd(file, sealed->get(), &handle), 0);
    EXPECT_EQ(file.map(handle, kGemVa, 8192), 0);
    EXPECT_EQ(file.map(handle, kGemVa + 0x10000, 12288), -EINVAL) << "not a whole page";
    const viaduct::UniqueFd open_ended(::memfd_create("foreign", MFD_ALLOW_SEALING | MFD_CLOEXEC));
    ASSERT_EQ(::ftruncate(open_ended.get(), 4096), 0);
    ASSERT_EQ(import_fd(file, open_ended.get(), &handle), 0);
    EXPECT_NE(::ftruncate(open_ended.get(), 0), 0) << "sealed by the import";
    const viaduct::UniqueFd unsealable(::memfd_create("foreign", MFD_CLOEXEC));
    ASSERT_EQ(::ftruncate(unsealable.get(), 4096), 0);
    EXPECT_EQ(import_fd(file, unsealable.get(), &handle), -EINVAL);
}

/// Runs `body` in a child process that shares nothing but descriptors; its result is the exit
/// status.
template <typename Body>
int in_other_process(Body body) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(body());
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Prime, BuffersAndTheirMetadataCrossProcesses) {
    TestFile file;
    const TestBuffer buffer = file.buffer(kGemVa, 8192, AMDGPU_GEM_DOMAIN_VRAM);
    drm_amdgpu_gem_metadata metadata{};
    metadata.handle = buffer.handle;
    metadata.op = AMDGPU_GEM_METADATA_OP_SET_METADATA;
    metadata.data.tiling_info = 0x77;
    metadata.data.data_size_bytes = 4;
    metadata.data.data[0] = 0xabc;
    ASSERT_EQ(file.ioctl(DRM_IOCTL_AMDGPU_GEM_METADATA, &metadata), 0);
    viaduct::UniqueFd fd;
    ASSERT_EQ(export_fd(file, buffer.handle, &fd), 0);
    buffer.words()[1000] = 5;
    const std::string instance = TestFile::default_instance();
    EXPECT_EQ(in_other_process([&] {
                  // An inherited descriptor is not usable: a new descriptor number stands for a
                  // process that got the buffer over a socket.
                  TestFile theirs("renoir", instance);
                  uint32_t handle = 0;
                  if (import_fd(theirs, fd.get(), &handle) != 0) return 1;
                  drm_amdgpu_gem_metadata seen{};
                  seen.handle = handle;
                  seen.op = AMDGPU_GEM_METADATA_OP_GET_METADATA;
                  if (theirs.ioctl(DRM_IOCTL_AMDGPU_GEM_METADATA, &seen) != 0) return 2;
                  if (seen.data.tiling_info != 0x77 || seen.data.data[0] != 0xabc) return 3;
                  auto mapping = theirs.cpu_map(handle);
                  auto* words = reinterpret_cast<uint32_t*>(mapping.data());
                  if (words[1000] != 5) return 4;
                  words[1001] = 6;
                  return 0;
              }),
              0);
    EXPECT_EQ(buffer.words()[1001], 6u);
}

TEST(Va, MapRefusesWhatTheKernelRefuses) {
    TestFile file;
    uint32_t handle = 0;
    ASSERT_EQ(file.create(0x4000, &handle), 0);
    ASSERT_EQ(file.map(handle, kGemVa, 0x4000), 0);
    struct Case {
        const char* what;
        int error;
        uint64_t va, size, offset;
        uint32_t flags;
    };
    const uint64_t free_va = kGemVa + 0x100000;
    const Case cases[] = {
        {"overlap at the end", -EINVAL, kGemVa + 0x3000, 0x1000, 0, kRead},
        {"overlap around", -EINVAL, kGemVa - 0x1000, 0x4000, 0, kRead},
        {"exact overlap", -EINVAL, kGemVa, 0x4000, 0, kRead},
        {"misaligned address", -EINVAL, free_va + 1, 0x1000, 0, kRead},
        {"misaligned size", -EINVAL, free_va, 0x800, 0, kRead},
        {"misaligned offset", -EINVAL, free_va, 0x1000, 0x800, kRead},
        {"empty", -EINVAL, free_va, 0, 0, kRead},
        {"beyond the buffer", -EINVAL, free_va, 0x5000, 0, kRead},
        {"offset beyond the buffer", -EINVAL, free_va, 0x1000, 0x4000, kRead},
        {"size wraps", -EINVAL, free_va, ~0xfffull, 0, kRead},
        {"offset wraps", -EINVAL, free_va, 0x2000, ~0xfffull, kRead},
        {"reserved low addresses", -EINVAL, 0xf000, 0x1000, 0, kRead},
        {"in the hole", -EINVAL, 0x0000900000000000, 0x1000, 0, kRead},
        {"unknown flag", -EINVAL, free_va, 0x1000, 0, 1u << 20},
        {"before it", 0, kGemVa - 0x1000, 0x1000, 0, kRead},
        {"behind it", 0, kGemVa + 0x4000, 0x1000, 0x3000, kRead},
        {"high half", 0, 0xffff800100000000, 0x1000, 0, kRead},
    };
    for (const Case& c : cases)
        EXPECT_EQ(file.map(handle, c.va, c.size, c.offset, c.flags), c.error) << c.what;
    EXPECT_EQ(file.map(99, free_va, 0x1000), -ENOENT);
    EXPECT_EQ(file.va_op(9, handle, free_va, 0x1000), -EINVAL);
}

TEST(Va, UnmapWantsTheExactMapping) {
    TestFile file;
    uint32_t a = 0, b = 0;
    ASSERT_EQ(file.create(0x2000, &a), 0);
    ASSERT_EQ(file.create(0x2000, &b), 0);
    ASSERT_EQ(file.map(a, kGemVa, 0x2000), 0);
    EXPECT_EQ(file.va_op(AMDGPU_VA_OP_UNMAP, a, kGemVa + 0x1000, 0x1000), -ENOENT);
    EXPECT_EQ(file.va_op(AMDGPU_VA_OP_UNMAP, b, kGemVa, 0x2000), -ENOENT);
    EXPECT_EQ(file.va_op(AMDGPU_VA_OP_UNMAP, a, kGemVa, 0x2000), 0);
    EXPECT_EQ(file.map(b, kGemVa, 0x2000), 0);
    EXPECT_EQ(file.gem_close(b), 0) << "closing the handle unmaps";
    EXPECT_EQ(file.map(a, kGemVa, 0x2000), 0);
}

TEST(BoList, IsCreatedUpdatedAndDestroyed) {
    TestFile file;
    uint32_t buffer = 0;
    ASSERT_EQ(file.create(4096, &buffer), 0);
    const auto call = [&](uint32_t operation, uint32_t list, uint32_t handle, uint32_t* out) {
        const drm_amdgpu_bo_list_entry entry{handle, 0};
        drm_amdgpu_bo_list args{};
        args.in = {operation, list, 1, sizeof(entry), address_of(&entry)};
        const int result = file.ioctl(DRM_IOCTL_AMDGPU_BO_LIST, &args);
        if (out) *out = args.out.list_handle;
        return result;
    };
    uint32_t list = 0;
    EXPECT_EQ(call(AMDGPU_BO_LIST_OP_CREATE, 0, buffer + 1, nullptr), -ENOENT);
    ASSERT_EQ(call(AMDGPU_BO_LIST_OP_CREATE, 0, buffer, &list), 0);
    EXPECT_NE(list, 0u);
    EXPECT_EQ(call(AMDGPU_BO_LIST_OP_UPDATE, list, buffer, nullptr), 0);
    EXPECT_EQ(call(AMDGPU_BO_LIST_OP_UPDATE, list + 1, buffer, nullptr), -ENOENT);
    EXPECT_EQ(call(AMDGPU_BO_LIST_OP_DESTROY, list, buffer, nullptr), 0);
    EXPECT_EQ(call(AMDGPU_BO_LIST_OP_UPDATE, list, buffer, nullptr), -ENOENT);
    EXPECT_EQ(call(7, 0, buffer, nullptr), -EINVAL);
}

}  // namespace
}  // namespace simgpu::test
