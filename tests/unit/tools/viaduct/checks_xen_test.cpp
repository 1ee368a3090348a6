// `viaduct doctor` on Xen.
#include "fake_host.h"
#include "tools/viaduct/vmm_view.h"

namespace viaduct::tool {
namespace {

class OnXen : public Checks {
  protected:
    OnXen() { file("sys/hypervisor/type", "xen\n"); }
};

TEST_F(Checks, MostHostsHaveNoXen) {
    EXPECT_FALSE(is_dom0(host_));
    find("xen", "Xen does not run");
    EXPECT_EQ(first("kvm").verdict, Verdict::kWarn);
}

TEST_F(OnXen, ADomainThatIsNotDom0) {
    file("proc/xen/capabilities", "");
    file("sys/hypervisor/uuid", "12345678-0000-0000-0000-000000000000\n");
    EXPECT_FALSE(is_dom0(host_));
    find("xen", "other than dom0");
}

TEST_F(OnXen, Dom0WithoutXenfs) {
    file("sys/hypervisor/uuid", "00000000-0000-0000-0000-000000000000\n");
    EXPECT_TRUE(is_dom0(host_));
}

class InDom0 : public OnXen {
  protected:
    InDom0() { file("proc/xen/capabilities", "control_d\n"); }
};

TEST_F(InDom0, NothingOfKvmIsMissing) {
    file("proc/sys/kernel/osrelease", "6.12.38+deb13-amd64\n");
    for (const char* check : {"kernel", "kvm", "udmabuf"})
        EXPECT_EQ(first(check).verdict, Verdict::kOk) << check;
}

TEST_F(InDom0, DeviceModelsAndTheirLibraries) {
    find("xen", "no domain with virtio-gpu 3D");
    process("40", "qemu-system-i38",
            {"/opt/viaduct/bin/qemu-system-i386", "-xen-domid", "3", "-no-shutdown", "-device",
             "virtio-gpu-gl-pci,blob=on,hostmem=32G"});
    file("proc/40/maps", "7f00-7f01 r-xp 0 08:01 2    /usr/lib/libvirglrenderer.so.1.9\n");
    process("41", "qemu-system-i38", {"qemu-system-i386", "-xen-domid", "4", "-xen-attach"});
    process("42", "qemu-system-i38",
            {"qemu-system-i386", "-xen-domid", "5", "-device", "virtio-gpu-gl-pci,blob=on"});
    EXPECT_EQ(first("xen").text, "Xen's dom0; domains with virtio-gpu 3D: 3, 5");
    const Finding other = find("library", "qemu-system-i38 (process 40, domain 3)");
    EXPECT_EQ(other.verdict, Verdict::kWarn);
    EXPECT_NE(other.fix.find("device_model_override"), std::string::npos);
    find("library", "(process 42, domain 5): another user's");
}

TEST_F(InDom0, AnOptionWithoutItsValueIsNoDomain) {
    process("40", "qemu-system-i38",
            {"qemu-system-i386", "-device", "virtio-gpu-gl", "-xen-domid"});
    EXPECT_EQ(running_vmms(host_).at(0).xen_domain, "");
}

}  // namespace
}  // namespace viaduct::tool
