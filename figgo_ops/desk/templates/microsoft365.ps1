# figgo_ops: lets one application write calendars in Microsoft 365, within one management scope.
# For PowerShell 7.6 or later, or Windows PowerShell 5.1, run by somebody who is Application Administrator in
# Microsoft Entra and a member of Organization Management in Exchange Online. Mailboxes on premises have another script.
# For the worldwide cloud. Sovereign clouds, US Government (GCC High, DoD) and 21Vianet, are not covered.
# Paste one section, read what it prints, then paste the next. Pasting a section twice does no harm.
# No secret is in this script, and no private key. Kept in a file, it must be saved as UTF-8 with a byte order mark.

# ==== Look: the modules ====

$version = $PSVersionTable.PSVersion
$exchange = @(Get-Module -ListAvailable ExchangeOnlineManagement | Where-Object { $_.Version -ge [version]'3.10.1' })
$graph = @(Get-Module -ListAvailable Microsoft.Graph.Applications | Where-Object { $_.Version -ge [version]'2.0' })
Write-Host 'PowerShell' $version

if ($version.Major -eq 6 -or ($version.Major -eq 7 -and $version.Minor -lt 6)) {
    Write-Warning 'Use PowerShell 7.6 or later, or Windows PowerShell 5.1: the module for Exchange Online needs it.'
}

if ($exchange.Count -eq 0) {
    Write-Warning 'Needed: Install-Module ExchangeOnlineManagement -MinimumVersion 3.10.1 -Scope CurrentUser'
}

if ($graph.Count -eq 0) {
    Write-Warning 'Needed: Install-Module Microsoft.Graph.Applications -MinimumVersion 2.0 -Scope CurrentUser'
}

# ==== Sign in ====

# Two windows of your browser ask for you, one after the other. Nothing else is granted by this.
$tenant = $null
Connect-MgGraph -TenantId <organization> -Scopes 'Application.ReadWrite.All' -NoWelcome
Connect-ExchangeOnline -ShowBanner:$false

$context = Get-MgContext
$connections = @(Get-ConnectionInformation | Where-Object { $_.Name -like 'ExchangeOnline_*' -and $_.State -eq 'Connected' })
$others = @($connections | Where-Object { "$($_.TenantID)" -ne $context.TenantId })

if (-not $context -or $connections.Count -eq 0) {
    Write-Warning 'You are not signed in to both. Paste this section again.'
} elseif ($context.Environment -ne 'Global') {
    Write-Warning 'This is a sovereign cloud, with other addresses: figgo_ops does not cover it.'
} elseif ($others.Count -gt 0) {
    Write-Warning 'Entra and Exchange Online are signed in to different organizations. Begin again in a new window.'
} else {
    $tenant = $context.TenantId
    Write-Host 'Signed in to organization' $tenant
}

# ==== Look: what is there already ====

$apps = @()
$service = $null
if ($tenant) {
    $apps = @(Get-MgApplication -All -PageSize 999 | Where-Object { $_.DisplayName -eq <application> })
} else {
    Write-Warning 'Paste section 2 first.'
}

if ($apps.Count -eq 1) {
    $service = Get-MgServicePrincipal -Filter "appId eq '$($apps[0].AppId)'"
}

$apps | Format-List DisplayName,AppId,Id,SignInAudience

# Grants add up: what is consented here for every mailbox, no management scope narrows. Nothing is needed here.
$consents = @()
if ($service) {
    $consents = @(Get-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $service.Id -All)
}

foreach ($one in $consents) {
    $resource = Get-MgServicePrincipal -ServicePrincipalId $one.ResourceId
    $permission = @($resource.AppRoles | Where-Object { $_.Id -eq $one.AppRoleId })
    Write-Host 'Consented in Entra:' $one.ResourceDisplayName $permission.Value
}

# The application as Exchange Online knows it: by the ids of the enterprise application, not of the app registration.
$pointers = @(Get-ServicePrincipal | Where-Object { $service -and $_.AppId -eq $service.AppId })
$pointers | Format-List DisplayName,AppId,ObjectId

Get-ManagementScope | Where-Object { $_.Name -eq <scope> } |
    Format-List Name,Exclusive,RecipientRoot,RecipientFilter

if ($pointers.Count -eq 1) {
    Get-ManagementRoleAssignment -RoleAssignee $service.Id |
        Format-List Name,Role,CustomResourceScope,RecipientWriteScope
}

Get-ApplicationAccessPolicy | Where-Object { $service -and $_.AppId -eq $service.AppId } |
    Format-List Identity,ScopeName,AccessRight

# EwsEnabled and EwsAllowedAppIDs do not touch Microsoft Graph. The other three do: see section 10.
Get-OrganizationConfig -RetrieveEwsOperationAccessPolicy |
    Format-List EwsEnabled,EwsAllowedAppIDs,EwsApplicationAccessPolicy,EwsAllowList,EwsBlockList

# ==== The application and its certificate ====

# Only the certificate comes here. Its private key was made on the machine that runs figgo_ops and stays there.
$fault = ''
$certificate = $null
$file = Get-Item -LiteralPath <file> -ErrorAction SilentlyContinue
if (-not $file) {
    $fault = 'The file of the certificate is not there.'
} elseif ((Get-Content -LiteralPath $file.FullName -Raw) -match 'PRIVATE KEY') {
    $fault = 'The file holds a private key, which must not be sent to anybody: have a new key and certificate made.'
} else {
    $certificate = [Security.Cryptography.X509Certificates.X509Certificate2]::new($file.FullName)
}

if ($certificate -and $certificate.PublicKey.Oid.Value -ne '1.2.840.113549.1.1.1') {
    $fault = 'The key of the certificate is not RSA, and Microsoft Entra takes no other.'
} elseif ($certificate -and $certificate.HasPrivateKey) {
    $fault = 'The file holds a private key, which must not be sent to anybody: have a new key and certificate made.'
} elseif ($certificate -and $certificate.NotAfter -lt (Get-Date)) {
    $fault = 'The certificate has ended.'
} elseif (-not $certificate -and -not $fault) {
    $fault = 'The file is no certificate.'
}

# A list that could not be read is not an empty one: without it nothing is created.
$apps = $null
if (-not $tenant) {
    $fault = 'You are not signed in: paste section 2 first.'
} else {
    $apps = @(Get-MgApplication -All -PageSize 999 -ErrorAction Stop | Where-Object { $_.DisplayName -eq <application> })
}

# For this organization alone, and no permission of any kind is asked for: see section 8.
if ($fault) {
    Write-Warning "$fault Nothing was changed."
} elseif ($null -eq $apps) {
    Write-Warning 'The applications could not be read. Nothing was changed.'
} elseif ($apps.Count -gt 1) {
    Write-Warning 'Several applications have this name: rename those that are not ours. Nothing was changed.'
} elseif ($apps.Count -eq 0) {
    $apps = @(New-MgApplication -DisplayName <application> -SignInAudience AzureADMyOrg)
}

$registered = $null
if (-not $fault -and $apps.Count -eq 1) {
    $registered = Get-MgApplication -ApplicationId $apps[0].Id -Property Id,AppId,KeyCredentials -ErrorAction Stop
}

# The list of certificates is replaced as a whole, so those that are there go along: renewing interrupts nothing.
$raw = ''
$kept = @()
if ($registered) {
    $raw = [Convert]::ToBase64String($certificate.RawData)
    $kept = @($registered.KeyCredentials | Where-Object { $_ })
}

$there = @($kept | Where-Object { $_.Key -and [Convert]::ToBase64String($_.Key) -eq $raw })
if ($registered -and $there.Count -eq 0) {
    $new = @{ Type = 'AsymmetricX509Cert'; Usage = 'Verify'; Key = $certificate.RawData; DisplayName = $certificate.Subject }
    Update-MgApplication -ApplicationId $registered.Id -KeyCredentials ($kept + $new)
}

# If this fails for a new application, the directory is not even yet: wait a minute, paste this section again.
$service = $null
if ($registered) {
    $service = Get-MgServicePrincipal -Filter "appId eq '$($registered.AppId)'"
    if (-not $service) {
        $service = New-MgServicePrincipal -AppId $registered.AppId
    }
}

# For the tenant file. The fingerprint must be the one that openssl shows beside the private key.
if ($service) {
    $digest = [Security.Cryptography.SHA256]::Create().ComputeHash($certificate.RawData)
    Write-Host 'tenant_id  ' $tenant
    Write-Host 'client_id  ' $service.AppId
    Write-Host 'SHA-256    ' ([BitConverter]::ToString($digest).Replace('-', ':'))
    Write-Host 'ends       ' $certificate.NotAfter
}

# ==== The application, made known to Exchange Online ====

$pointers = @(Get-ServicePrincipal | Where-Object { $service -and $_.AppId -eq $service.AppId })
if (-not $service) {
    Write-Warning 'There is no such application: paste sections 2 and 4 first. Nothing was changed.'
} elseif ($pointers.Count -eq 0) {
    New-ServicePrincipal -AppId $service.AppId -ObjectId $service.Id -DisplayName <application>
} elseif ("$($pointers[0].ObjectId)" -ne $service.Id) {
    Write-Warning 'Exchange Online knows this application by another object id: of the app registration, or of one deleted.'
    Write-Warning 'Remove that one with Remove-ServicePrincipal, then paste this section again. Nothing was changed.'
} else {
    Write-Host 'Exchange Online knows the application.'
}

# ==== The group, if there is none yet: asks first ====

# Then add the people to synchronise, one by one or with Add-DistributionGroupMember. Only direct members count.
if ((Read-Host 'Type yes to make a mail-enabled security group') -eq 'yes') {
    $found = @(Get-Group -ResultSize Unlimited -Filter <group>)
    if ($found.Count -gt 0) {
        Write-Host 'There is such a group already. Nothing was changed.'
    } else {
        New-DistributionGroup -Name <named> -Type Security -MemberJoinRestriction Closed -MemberDepartRestriction Closed
    }
}

# ==== The scope: members of the group ====

$organization = Get-OrganizationConfig
$scope = Get-ManagementScope | Where-Object { $_.Name -eq <scope> }
$found = @(Get-Group -ResultSize Unlimited -Filter <group>)
$found | Format-List Name,RecipientTypeDetails,DistinguishedName

# A group that is moved or made anew is another one: paste this section again then. A new organization must be
# allowed its own roles once, and that takes a while.
if ($organization.IsDehydrated) {
    Enable-OrganizationCustomization
    Write-Warning 'The organization is being prepared for its own scopes. Paste this section again in an hour.'
} elseif ($found.Count -ne 1) {
    Write-Warning ('There are {0} such groups, and exactly one is needed. Nothing was changed.' -f $found.Count)
} elseif (-not $scope) {
    $filter = "MemberOfGroup -eq '" + $found[0].DistinguishedName.Replace("'", "''") + "'"
    New-ManagementScope -Name <scope> -RecipientRestrictionFilter $filter
} elseif ($scope.Exclusive -or $scope.RecipientRoot) {
    Write-Warning 'A scope of that name serves something else: choose another name. Nothing was changed.'
} else {
    $filter = "MemberOfGroup -eq '" + $found[0].DistinguishedName.Replace("'", "''") + "'"
    Set-ManagementScope -Identity <scope> -RecipientRestrictionFilter $filter
}

Get-ManagementScope | Where-Object { $_.Name -eq <scope> } |
    Format-List Name,Exclusive,RecipientRoot,RecipientFilter

# ==== The role, within that scope only ====

$role = 'Application Calendars.ReadWrite'
$scope = @(Get-ManagementScope | Where-Object { $_.Name -eq <scope> })
$pointers = @(Get-ServicePrincipal | Where-Object { $service -and $_.AppId -eq $service.AppId })
$policies = @(Get-ApplicationAccessPolicy | Where-Object { $service -and $_.AppId -eq $service.AppId })

$held = @()
if ($pointers.Count -eq 1) {
    $held = @(Get-ManagementRoleAssignment -RoleAssignee $service.Id -Role $role | Where-Object { $_.Name -eq <assignment> })
}

$consents = $null
if ($service) {
    $consents = @(Get-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $service.Id -All -ErrorAction Stop)
}

# Calendars.ReadWrite of Microsoft Graph, and full_access_as_app of Exchange Online.
$everywhere = 'ef54d2bf-783f-4e0f-bca1-3210c0444d99','dc890d15-9560-4a4c-9b7f-a736ec74ec40'
$wide = @($consents | Where-Object { $_.AppRoleId -in $everywhere })

if ($pointers.Count -ne 1) {
    Write-Warning 'Exchange Online does not know the application: paste sections 4 and 5 first. Nothing was changed.'
} elseif ($scope.Count -ne 1) {
    Write-Warning 'There is no such scope, and without it the role would open every mailbox.'
    Write-Warning 'Paste section 7 first. Nothing was changed.'
} elseif ($null -eq $consents) {
    Write-Warning 'The consents in Entra could not be read. Nothing was changed.'
} elseif ($wide.Count -gt 0 -and $policies.Count -eq 0) {
    Write-Warning 'Every mailbox is open to this application already, by consent in Entra: grants are a union.'
    Write-Warning 'Take that permission from the enterprise application, then paste this again. Nothing was changed.'
} elseif ($held.Count -eq 0) {
    New-ManagementRoleAssignment -Name <assignment> -Role $role -App $service.Id -CustomResourceScope <scope>
} else {
    Set-ManagementRoleAssignment -Identity <assignment> -CustomResourceScope <scope>
}

# A role takes 30 minutes to two hours: until then a refusal means nothing, although section 11 says True.
if ($wide.Count -gt 0 -and $policies.Count -gt 0) {
    Write-Warning 'The scope narrows nothing before section 12 has taken the consent away.'
}

# ==== The role for mailbox settings, optional: asks first ====

# Within the same scope, and to read only. With it a check of a mailbox shows its owner's time zone; nothing else needs it.
if ((Read-Host 'Type yes to let the application read mailbox settings as well') -eq 'yes') {
    $role = 'Application MailboxSettings.Read'
    $scope = @(Get-ManagementScope | Where-Object { $_.Name -eq <scope> })
    $pointers = @(Get-ServicePrincipal | Where-Object { $service -and $_.AppId -eq $service.AppId })
    $held = @()
    if ($pointers.Count -eq 1) {
        $held = @(Get-ManagementRoleAssignment -RoleAssignee $service.Id -Role $role | Where-Object { $_.Name -eq <settings> })
    }
    if ($pointers.Count -ne 1 -or $scope.Count -ne 1) {
        Write-Warning 'Application or scope is not there: paste sections 4 to 8 first. Nothing was changed.'
    } elseif ($held.Count -eq 0) {
        New-ManagementRoleAssignment -Name <settings> -Role $role -App $service.Id -CustomResourceScope <scope>
    } else {
        Set-ManagementRoleAssignment -Identity <settings> -CustomResourceScope <scope>
    }
}

# ==== The user agent, where programs are let in by name ====

# Despite its name this policy holds for Microsoft Graph as well. Ours is named figgo-ops.
$organization = Get-OrganizationConfig
$policy = "$($organization.EwsApplicationAccessPolicy)"
$allowed = @($organization.EwsAllowList | Where-Object { $_ -and 'figgo-ops' -like $_ })
$blocked = @($organization.EwsBlockList | Where-Object { $_ -and 'figgo-ops' -like $_ })
if ($policy -eq 'EnforceAllowList' -and $allowed.Count -eq 0) {
    Set-OrganizationConfig -EwsAllowList @{ Add = 'figgo-ops*' }
} elseif ($policy -eq 'EnforceBlockList' -and $blocked.Count -gt 0) {
    Write-Warning 'These entries of EwsBlockList keep figgo-ops out, and only you can decide about them:'
    $blocked
} else {
    Write-Host 'Programs are not kept out by their names. Nothing was changed.'
}

# ==== Verify: nothing is changed here ====

$consents = $null
if ($service) {
    $consents = @(Get-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $service.Id -All -ErrorAction Stop)
}

$everywhere = 'ef54d2bf-783f-4e0f-bca1-3210c0444d99','dc890d15-9560-4a4c-9b7f-a736ec74ec40'
$wide = @($consents | Where-Object { $_.AppRoleId -in $everywhere })
if ($null -eq $consents) {
    Write-Warning 'The consents in Entra could not be read: paste section 3, then this one again.'
} elseif ($wide.Count -gt 0) {
    Write-Warning 'A consent in Entra opens every mailbox, whatever the scope says. Below it does not show.'
}

# Who is in the scope. Whoever has no mailbox in Exchange Online cannot be written to from here.
$inside = @()
$scope = @(Get-ManagementScope | Where-Object { $_.Name -eq <scope> })
if ($scope.Count -eq 1) {
    $inside = @(Get-Recipient -ResultSize Unlimited -RecipientPreviewFilter $scope[0].RecipientFilter)
}

$inside | Format-Table DisplayName,PrimarySmtpAddress,RecipientTypeDetails -AutoSize
Write-Host $inside.Count 'recipients are in the scope.'

# Every line must say True for somebody in the group, and False for anybody else. This looks past the time that
# roles take, and past Entra: only a call of figgo_ops proves that it comes in, and that it stays out.
foreach ($expected in 'True','False') {
    $where = @{ True = 'in the group'; False = 'outside the group' }[$expected]
    $mail = Read-Host "Mail address of somebody $where"
    $answers = @()
    if ($service -and $mail) {
        $answers = @(Test-ServicePrincipalAuthorization -Identity $service.Id -Resource $mail)
    }
    $answers | Format-Table RoleName,AllowedResourceScope,ScopeType,InScope -AutoSize | Out-Host
    $wrong = @($answers | Where-Object { "$($_.InScope)" -ne $expected })
    if ($answers.Count -eq 0 -or $wrong.Count -gt 0) {
        Write-Warning "Not as expected: for somebody $where InScope must be $expected."
    }
}

# ==== From an application access policy to the scope: asks first ====

# Only where the application has had such a policy, once section 11 is as expected and two hours have passed.
# The consent goes before the policy: without the policy it would open every mailbox.
if ((Read-Host 'Type narrow to take away the consent in Entra, then the policy') -eq 'narrow') {
    $role = 'Application Calendars.ReadWrite'
    $everywhere = 'ef54d2bf-783f-4e0f-bca1-3210c0444d99','dc890d15-9560-4a4c-9b7f-a736ec74ec40'
    $policies = @(Get-ApplicationAccessPolicy | Where-Object { $service -and $_.AppId -eq $service.AppId })
    $left = $null
    $held = @()
    if ($service) {
        $held = @(Get-ManagementRoleAssignment -RoleAssignee $service.Id -Role $role | Where-Object { $_.Name -eq <assignment> })
    }
    if ($held.Count -eq 0) {
        Write-Warning 'The application has no role yet, and would be left without any right: paste section 8 first.'
        Write-Warning 'Nothing was changed.'
    } else {
        Connect-MgGraph -TenantId $tenant -Scopes 'Application.ReadWrite.All','AppRoleAssignment.ReadWrite.All' -NoWelcome
        $consents = @(Get-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $service.Id -All -ErrorAction Stop)
        foreach ($one in @($consents | Where-Object { $_.AppRoleId -in $everywhere })) {
            Remove-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $service.Id -AppRoleAssignmentId $one.Id
        }
        $left = @(Get-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $service.Id -All -ErrorAction Stop)
    }
    if ($null -ne $left -and $left.Count -gt 0) {
        Write-Warning 'A consent is left (section 3 names it), and the policy may be what narrows it: the policy stays.'
    } elseif ($null -ne $left) {
        foreach ($one in $policies) {
            Remove-ApplicationAccessPolicy -Identity $one.Identity -Confirm:$false
        }
    }
}

# ==== The certificates before the one in the file: asks first ====

# Renewing: paste section 4 with the new certificate, have figgo_ops use it, see a run succeed, and only then this.
if ((Read-Host 'Type renewed to remove every certificate but the one in the file') -eq 'renewed') {
    $registered = $null
    $only = @()
    $file = Get-Item -LiteralPath <file> -ErrorAction SilentlyContinue
    $apps = @(Get-MgApplication -All -PageSize 999 -ErrorAction Stop | Where-Object { $_.DisplayName -eq <application> })
    if ($file -and $apps.Count -eq 1) {
        $certificate = [Security.Cryptography.X509Certificates.X509Certificate2]::new($file.FullName)
        $raw = [Convert]::ToBase64String($certificate.RawData)
        $registered = Get-MgApplication -ApplicationId $apps[0].Id -Property Id,AppId,KeyCredentials -ErrorAction Stop
        $only = @($registered.KeyCredentials | Where-Object { $_.Key -and [Convert]::ToBase64String($_.Key) -eq $raw })
    }
    if ($only.Count -ne 1) {
        Write-Warning 'The certificate in the file is not registered: paste section 4 first. Nothing was changed.'
    } else {
        Update-MgApplication -ApplicationId $registered.Id -KeyCredentials $only
    }
}

# ==== EWS, no more than a bridge until 2027-04-01: asks first ====

# Only for a calendar of kind exchange with online = true. On that day Microsoft removes EWS for everybody.
$organization = $null
$organization = Get-OrganizationConfig -RetrieveEwsOperationAccessPolicy -ErrorAction Stop
$organization | Format-List EwsEnabled,EwsAllowedAppIDs,EwsApplicationAccessPolicy,EwsAllowList

# Where EwsEnabled is empty or False above, this switches EWS on for the applications listed, and for no others:
# look first who else uses it. The list takes up to 24 hours. A mailbox with EwsEnabled False stays closed.
if ((Read-Host 'Type bridge to let this application use EWS until 2027-04-01') -eq 'bridge') {
    $role = 'Application EWS.AccessAsApp'
    $scope = @(Get-ManagementScope | Where-Object { $_.Name -eq <scope> })
    $pointers = @(Get-ServicePrincipal | Where-Object { $service -and $_.AppId -eq $service.AppId })
    $held = @()
    if ($pointers.Count -eq 1) {
        $held = @(Get-ManagementRoleAssignment -RoleAssignee $service.Id -Role $role | Where-Object { $_.Name -eq <bridge> })
    }
    if ((Get-Date) -ge [datetime]'2027-04-01') {
        Write-Warning 'Microsoft has removed EWS: use a calendar of kind microsoft365. Nothing was changed.'
    } elseif (-not $organization) {
        Write-Warning 'The list of applications could not be read, and writing replaces it. Nothing was changed.'
    } elseif ($pointers.Count -ne 1 -or $scope.Count -ne 1) {
        Write-Warning 'Application or scope is not there: paste sections 4 to 8 first. Nothing was changed.'
    } else {
        if ($held.Count -eq 0) {
            New-ManagementRoleAssignment -Name <bridge> -Role $role -App $service.Id -CustomResourceScope <scope>
        } else {
            Set-ManagementRoleAssignment -Identity <bridge> -CustomResourceScope <scope>
        }
        $listed = @("$($organization.EwsAllowedAppIDs)" -split '[,\s]+' | Where-Object { $_ })
        $merged = @($listed + $service.AppId | Sort-Object -Unique)
        Set-OrganizationConfig -EwsEnabled $true -EwsAllowedAppIDs ($merged -join ',')
    }
}

# ==== Withdraw all of it: asks first ====

# Off-board the tenant before: without the role, figgo_ops cannot take its events out of the calendars any more.
# A scope can go once no role needs it. The group stays, and so do the user agent and EwsEnabled: others may need them.
# Its id leaves the list for EWS where others are on it. The deleted application can be restored in Entra for 30 days.
if ((Read-Host 'Type withdraw to take every right from the application and delete it') -eq 'withdraw') {
    if (-not $service) {
        Write-Warning 'The application was not found: paste sections 2 and 3 first, then this one again. Nothing was changed.'
    }
    $ours = <assignment>,<settings>,<bridge>
    $held = @()
    $pointers = @(Get-ServicePrincipal | Where-Object { $service -and $_.AppId -eq $service.AppId })
    if ($pointers.Count -eq 1) {
        $held = @(Get-ManagementRoleAssignment -RoleAssignee $service.Id | Where-Object { $_.Name -in $ours })
    }
    foreach ($one in $held) {
        Remove-ManagementRoleAssignment -Identity $one.Name -Confirm:$false
    }
    $scope = @(Get-ManagementScope | Where-Object { $service -and $_.Name -eq <scope> })
    if ($scope.Count -gt 0) {
        Remove-ManagementScope -Identity <scope> -Confirm:$false
    }
    if ($pointers.Count -eq 1) {
        Remove-ServicePrincipal -Identity $service.Id -Confirm:$false
    }
    $organization = $null
    $organization = Get-OrganizationConfig -RetrieveEwsOperationAccessPolicy
    $listed = @("$($organization.EwsAllowedAppIDs)" -split '[,\s]+' | Where-Object { $_ })
    $others = @($listed | Where-Object { $service -and $_ -ne $service.AppId })
    if ($others.Count -gt 0 -and $others.Count -lt $listed.Count) {
        Set-OrganizationConfig -EwsAllowedAppIDs ($others -join ',')
    }
    $left = @(Get-ServicePrincipal | Where-Object { $service -and $_.AppId -eq $service.AppId })
    $apps = @(Get-MgApplication -All -PageSize 999 | Where-Object { $service -and $_.AppId -eq $service.AppId })
    if ($left.Count -gt 0) {
        Write-Warning 'Exchange Online still knows the application, so it stays: paste this section again in a minute.'
    } elseif ($apps.Count -eq 1) {
        Remove-MgApplication -ApplicationId $apps[0].Id
    }
}
